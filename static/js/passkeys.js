// Forms that ask the browser for a passkey or security key before they are sent. `data-passkey` says what for: "login"
// fetches the question from where the form goes; "answer" and "create" carry it in `data-options`.
const WORDS = {
  NotAllowedError: "Nothing was sent: the browser’s question about the passkey was closed, or took too long. Try again.",
  InvalidStateError: "This passkey or security key is on your account already.",
  SecurityError: "Passkeys need a secure address (https) with a name, not a number.",
};
const OTHERWISE = "The passkey didn’t work. Try again, or go on in another way.";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      form.elements.credential.value = JSON.stringify(await ask(form));
      form.submit();
    } catch (error) {
      tell(form, WORDS[error.name] ?? OTHERWISE);
    }
  });
}

async function ask(form) {
  if (form.dataset.passkey === "create") return create(form);
  const options = form.dataset.passkey === "login" ? await fetched(form.action) : JSON.parse(form.dataset.options);
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
}

function create(form) {
  const options = JSON.parse(form.dataset.options).publicKey;
  // Only a key that keeps the account, and knows its owner, can sign in without user name and password.
  const alone = form.elements.passwordless.checked;
  options.authenticatorSelection.residentKey = alone ? "required" : "discouraged";
  options.authenticatorSelection.requireResidentKey = alone;
  if (alone) options.authenticatorSelection.userVerification = "required";
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
}

async function fetched(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return (await answer.json()).request_options;
}

function tell(form, sentence) {
  const place = form.querySelector("[data-passkey-trouble]");
  place.textContent = sentence;
  place.hidden = false;
}
