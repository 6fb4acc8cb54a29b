// What waits, or was refused, is opened in its form again. What is sent from there takes its place.
import { own } from "../root.js";
import { newName, write as keepTyped } from "../typed-store.js";
import { csrfToken } from "../form-token.js";
import { outbox } from "./outbox.js";

const STORED = own("livedesk.resuming");
const TOKEN = "csrfmiddlewaretoken";

// What this page was opened for: the key and the address of what is resumed.
let resumed = null;

/** Leads to the page where it was written; with what was typed, where there is any. */
export async function resume({ key, address, page, typed }) {
  if (typed) {
    await outbox.hold(key);
    remember({ key, address });
    keepTyped(typed.name, { ...typed.kept, ...writtenAnew(typed.kept), saved: false, sent: false });
  }
  const isHere = page === location.pathname + location.search;
  location.assign(typed ? `${page}#draft` : page);
  if (isHere) location.reload();
}

/** Its writing ended when it was kept in the outbox: it goes on as another one. */
function writtenAnew({ writing, before }) {
  return writing ? { writing: newName(), before: [writing, ...before] } : {};
}

/** Sends it as the browser would, so that the page shows both versions and asks. */
export function settle({ key, address, fields }) {
  remember({ key, address });
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: address, hidden: true });
  const sent = [...fields.filter(([name]) => name !== TOKEN), [TOKEN, csrfToken()], ["write", key]];
  for (const [name, value] of sent) {
    if (typeof value === "string") form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  // A control may be called "submit".
  HTMLFormElement.prototype.submit.call(form);
}

function pathOf(address) {
  return new URL(address, location.href).pathname;
}

/** Whatever page comes next is about it. */
export function remember(what) {
  try {
    sessionStorage.setItem(STORED, JSON.stringify(what));
  } catch {
    // It stays in the list then, until somebody drops it.
  }
}

/** The key of what a form's sending takes the place of. */
export function replacedBy(address) {
  return resumed && pathOf(resumed.address) === pathOf(address) ? resumed.key : "";
}

export async function startResuming(page) {
  try {
    resumed = JSON.parse(sessionStorage.getItem(STORED));
    sessionStorage.removeItem(STORED);
  } catch {
    return;
  }
  if (!resumed) return;
  // Whoever starts over writes something else.
  page.addEventListener("reset", ({ target }) => replacedBy(target.action) && (resumed = null));
  chooseFiles(page, await outbox.read());
}

/** Files that were chosen for it are chosen again. */
function chooseFiles(page, writes) {
  const write = writes.find(({ key }) => key === resumed?.key);
  const form = [...page.forms].find(({ action }) => replacedBy(action));
  for (const input of form?.querySelectorAll("input[type=file]") ?? []) {
    const chosen = new DataTransfer();
    for (const [name, value] of write?.fields ?? []) if (name === input.name && value.size) chosen.items.add(value);
    if (!chosen.files.length) continue;
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
