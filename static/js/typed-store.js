// What was typed in this tab, until it has been sent. Where its storage is switched off or full, the page's own memory
// has to do.
import { own } from "./root.js";

const KEY = own("livedesk.typed");
const memory = new Map();

export function nameOf(person, form) {
  return [KEY, person, form].join(" ");
}

export function read(name) {
  if (memory.has(name)) return memory.get(name);
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

export function write(name, kept) {
  memory.delete(name);
  try {
    if (kept === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, JSON.stringify(kept));
  } catch {
    if (kept !== null) memory.set(name, kept);
  }
}

/** The names of all that is kept, or of what one person has typed. */
export function names(person = "") {
  const start = person ? `${nameOf(person, "")}` : `${KEY} `;
  let stored = [];
  try {
    stored = Object.keys(sessionStorage);
  } catch {
    // See above.
  }
  return [...new Set([...stored, ...memory.keys()])].filter((name) => name.startsWith(start));
}

/** What one writing of a draft is called. */
export function newName() {
  // crypto.randomUUID() is only there over HTTPS.
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0"));
  return bytes.join("").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
