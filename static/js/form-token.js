// A form outlives the sign-in it was opened with: signing in anew, in another tab, changes the CSRF token of all tabs.
// Whose form it is stays written in it, and the server refuses it to anybody else.

const COOKIE = /(?:^|;\s*)csrftoken=([^;]+)/;

// Before any other listener reads the form.
document.addEventListener("submit", ({ target }) => renewToken(target), { capture: true });

function renewToken(form) {
  const field = form.querySelector("input[name=csrfmiddlewaretoken]");
  const [, token] = COOKIE.exec(document.cookie) ?? [];
  if (field && token) field.value = token;
}
