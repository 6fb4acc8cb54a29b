// The portal's plain forms are sent by a script, so that they can wait; what the server answers is shown as if the browser
// had sent them itself. Without a script, it does.
import { CUT, explain, KEPT } from "../answers.js";
import { markSaved, markUnsent, typedInto } from "../typed.js";
import { mayWait, outbox } from "./outbox.js";
import { remember, replacedBy } from "./resuming.js";

const sending = new WeakSet();

export function startPlainForms(page) {
  page.addEventListener("submit", (event) => {
    const { target: form, submitter, defaultPrevented } = event;
    if (defaultPrevented || !isOurs(form)) return;
    const address = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
    if (!mayWait(address)) return;
    event.preventDefault();
    // The second click of a double click.
    if (!sending.has(form)) send(form, submitter, address);
  });
}

function isOurs(form) {
  return form.matches("form[method=post]:not([target])") && form.elements.namedItem("person") !== null && !form.querySelector("[type=password]");
}

async function send(form, submitter, address) {
  sending.add(form);
  form.toggleAttribute("data-sending", true);
  const data = new FormData(form, submitter);
  const replaces = replacedBy(address);
  const write = { address, data, title: titleOf(form, submitter), typed: typedInto(form), replaces };
  const outcome = await outbox.write(write, { accept: "text/html" });
  form.toggleAttribute("data-sending", false);
  sending.delete(form);
  if (outcome.kind === "done") {
    markSaved(form);
    goTo(outcome.answer.url);
  } else if (outcome.kind === "page") {
    // Nothing was saved: the browser sends it once more, and shows why.
    if (replaces) remember({ key: replaces, address: write.address });
    submitPlainly(form, submitter);
  } else if (outcome.kind === "waits") {
    form.reset();
    say(form, KEPT, "");
  } else {
    markUnsent(form);
    say(form, outcome.kind === "none" ? CUT : (outcome.answer?.said ?? explain(outcome.status)), "error");
  }
}

/** What somebody reads in the list of what waits. */
export function titleOf(form, submitter) {
  const title = document.title.replace(/^\(\d+\+?\) /, "").replace(/ · Livedesk$/, "");
  const choice = submitter?.closest("fieldset")?.querySelector("legend");
  const label = choice ? `${choice.textContent.trim()}: ${submitter.textContent.trim()}` : form.getAttribute("aria-label");
  return label ? `${title}: ${label}` : title;
}

function submitPlainly(form, submitter) {
  if (submitter?.name) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name, value: submitter.value });
    form.append(field);
  }
  if (submitter?.hasAttribute("formaction")) form.action = submitter.formAction;
  // A control may be called "submit".
  HTMLFormElement.prototype.submit.call(form);
}

function goTo(address) {
  const there = new URL(address, location.href);
  const isHere = there.pathname + there.search === location.pathname + location.search;
  location.assign(there);
  // A browser that only has to go to another place of the same page doesn't load it.
  if (isHere && there.hash) location.reload();
}

function say(form, sentence, kind) {
  const note = form.querySelector("[data-kept-note]") ?? document.createElement("p");
  note.className = "kept-note";
  note.dataset.keptNote = "";
  note.dataset.kind = kind;
  note.setAttribute("role", "status");
  note.textContent = sentence;
  form.prepend(note);
}
