// A form outlives the sign-in it was opened with: a new sign-in in another tab changes the CSRF token of all tabs. The
// form still names its person, and the server refuses it to anybody else.
import { ownCookie } from "./root.js";

const COOKIE = new RegExp(`(?:^|;\\s*)${ownCookie("csrftoken")}=([^;]+)`);

// Runs before any other listener reads the form.
document.addEventListener("submit", ({ target }) => renewToken(target), { capture: true });

function renewToken(form) {
  const field = form.querySelector("input[name=csrfmiddlewaretoken]");
  const token = csrfToken();
  if (field && token) field.value = token;
}

/** The token of the sign-in as it is now; empty when there is none. */
export function csrfToken() {
  return COOKIE.exec(document.cookie)?.[1] ?? "";
}
