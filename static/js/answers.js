// What people are told when a change was sent without leaving the page, and the answer isn't one of ours.

// From a proxy, during a deploy, or too broken to say more.
const REFUSED = "The server refused this. What you typed stays here.";
const BROKEN = "The server could not do this. What you typed stays here; check whether it arrived before you try again.";
const TOO_LARGE = "That is too much to send at once.";

/** The head of an answer that names the action it was. */
export const ACTION = "Livedesk-Action";

export const CUT = "The connection broke before the server answered. Check whether it arrived before you try again.";
export const KEPT = "The server can’t be reached. This is kept in this browser and sent as soon as it can.";

export function explain(status) {
  if (status === 413) return TOO_LARGE;
  return status === 403 ? REFUSED : BROKEN;
}

/** Something was done: whoever offers to undo it hears of it. `action` is its name, from the answer's head. */
export function tellAction(action, said) {
  if (action) window.dispatchEvent(new CustomEvent("live:did", { detail: { action, said } }));
}

/** The answer of a view of ours: `said` is a sentence, `sign_in` an address when the session has ended. */
export function parseAnswer(contentType, text) {
  if (!contentType?.startsWith("application/json")) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
