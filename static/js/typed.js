// What is typed into a form outlives the page: a reload, Back, a server error, a network failure. This tab keeps it for
// the person the page was painted for, with the revision it was typed at, until it has been sent.
import { choose, rowOf } from "./combo-box/chosen.js";
import { isDirty } from "./live/precious.js";
import { readSeen, see } from "./seen.js";

const KEY = "livedesk.typed";
const PAUSE_MS = 300;
const BACK = "What you typed is back.";
const KEPT = "What you typed here earlier is kept.";

const root = document.documentElement;
// A page that answers a form by showing it, or what was typed into it, again: it hasn't been saved.
const isRefusal = "posted" in root.dataset || document.querySelector("[data-unsent]") !== null;
const person = root.dataset.person;
const timers = new Map();
const notes = new WeakMap();

if (isRefusal) markAll((kept) => ({ ...kept, sent: false }));
else if (cameBy() === "navigate") markAll((kept) => (kept.sent ? null : kept));

if (person) {
  forms().forEach(offer);
  document.addEventListener("input", ({ target }) => target.form && keepSoon(target.form));
  document.addEventListener("change", ({ target }) => target.form && keepSoon(target.form));
  // A form that came after the page.
  document.addEventListener("form:shown", ({ target }) => ours(target) && offer(target));
  // Whether theirs was taken or mine kept.
  document.addEventListener("live:answered", ({ target }) => keepSoon(target), { capture: true });
  document.addEventListener("submit", onSubmit);
  document.addEventListener("click", onClick);
  // Sent in the background, or reset: nothing of it is unsent.
  document.addEventListener("reset", ({ target }) => ours(target) && forget(target));
  window.addEventListener("pagehide", () => [...timers.keys()].forEach(keep));
}

function cameBy() {
  return performance.getEntriesByType("navigation")[0]?.type ?? "navigate";
}

function forms() {
  return [...document.querySelectorAll("form[method=post]")].filter(ours);
}

function ours(form) {
  return form instanceof HTMLFormElement && form.elements.namedItem("person") !== null && controls(form).length > 0;
}

function controls(form) {
  return [...form.elements].filter(
    (control) => control.name && control.matches("textarea, select, input:not([type=hidden], [type=password], [type=file])"),
  );
}

// Keeping

function keepSoon(form) {
  if (!ours(form)) return;
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => keep(form), PAUSE_MS));
}

function keep(form) {
  clearTimeout(timers.get(form));
  timers.delete(form);
  const before = read(key(form));
  const values = Object.fromEntries(controls(form).filter(isDirty).map((control) => [place(form, control), valueOf(control)]));
  // A page that shows again what was sent has it as the server's values: it is still unsent.
  if (isRefusal && before) Object.assign(before.values, values);
  else if (!Object.keys(values).length) return forget(form);
  notes.get(form)?.remove();
  const opened = { revision: revisionField(form)?.value ?? null, seen: Object.fromEntries(readSeen(form)) };
  write(key(form), { ...(isRefusal && before ? before : { ...opened, values }), sent: false });
}

function onSubmit({ target, defaultPrevented }) {
  if (!ours(target)) return;
  keep(target);
  // Sent in the background: the page stays, and says itself what came of it.
  if (defaultPrevented) return;
  const kept = read(key(target));
  if (kept) write(key(target), { ...kept, sent: true });
}

/** "Cancel", "Discard mine": leaving by the form's own link means that nothing typed is wanted. */
function onClick({ target, ctrlKey, metaKey, shiftKey }) {
  const link = target.closest?.("form .actions a[href]");
  if (link && !ctrlKey && !metaKey && !shiftKey && link.target !== "_blank") forget(link.closest("form"));
}

function forget(form) {
  clearTimeout(timers.get(form));
  timers.delete(form);
  notes.get(form)?.remove();
  write(key(form), null);
}

// Putting back

function offer(form) {
  const kept = read(key(form));
  if (!kept || isRefusal) return;
  if (cameBy() === "navigate") {
    say(form, KEPT, [["Put it back", () => putBack(form, kept)], ["Throw it away", () => forget(form)]]);
  } else putBack(form, kept);
}

function putBack(form, kept) {
  const fields = new Set();
  for (const control of controls(form)) {
    const value = kept.values[place(form, control)];
    if (value === undefined) continue;
    setValue(control, value);
    fields.add(control.name.replace(/-find$/, ""));
  }
  // Text typed over an older row is saved as such: nobody's later change is overwritten unasked.
  for (const name of fields) see(form, name, kept.seen?.[name] ?? kept.revision);
  form.dispatchEvent(new Event("typed:back"));
  write(key(form), { ...kept, sent: false });
  say(form, BACK, [["Start over", () => startOver(form, fields)]]);
}

function startOver(form, fields) {
  for (const name of fields) see(form, name, null);
  form.reset();
  forget(form);
}

function say(form, sentence, choices) {
  const note = document.createElement("p");
  note.className = "typed-note";
  note.setAttribute("role", "status");
  note.append(sentence);
  for (const [word, act] of choices) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button--small";
    button.textContent = word;
    button.addEventListener("click", () => {
      note.remove();
      act();
    });
    note.append(" ", button);
  }
  notes.get(form)?.remove();
  notes.set(form, note);
  form.prepend(note);
}

// Controls

/** Its name, and its number among the controls of that name. */
function place(form, control) {
  return `${control.name} ${controls(form).filter(({ name }) => name === control.name).indexOf(control)}`;
}

// A chooser's <select> has no option but what is chosen, so that is kept whole.
function valueOf(control) {
  if (isOpenEnded(control)) return [...control.selectedOptions].map(rowOf);
  if (control.type === "checkbox" || control.type === "radio") return control.checked;
  if (control instanceof HTMLSelectElement) return [...control.selectedOptions].map(({ value }) => value);
  return control.value;
}

function setValue(control, value) {
  if (typeof value === "boolean") control.checked = value;
  else if (isOpenEnded(control) && value.every((row) => typeof row === "object")) value.forEach((row) => choose(control, row));
  else if (control instanceof HTMLSelectElement) {
    const options = [...control.options].filter(({ value: one }) => value.includes(one));
    // A choice that isn't offered any more can't be put back.
    if (options.length === value.length) [...control.options].forEach((option) => (option.selected = options.includes(option)));
  } else control.value = value;
}

function isOpenEnded(control) {
  return control instanceof HTMLSelectElement && "openEnded" in control.dataset;
}

/** Only in a form that was opened at a revision; a field beside the form belongs to a live part of the page. */
function revisionField(form) {
  return form.querySelector("input[name=revision]");
}

// This tab's storage may be switched off or full: then nothing is kept, and nothing breaks.

function key(form) {
  const number = forms().indexOf(form);
  return [KEY, person, location.pathname, form.id || form.getAttribute("action") || number].join(" ");
}

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

function write(name, kept) {
  try {
    if (kept === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, JSON.stringify(kept));
  } catch {
    // See above.
  }
}

function markAll(change) {
  let names = [];
  try {
    names = Object.keys(sessionStorage).filter((name) => name.startsWith(`${KEY} `));
  } catch {
    return;
  }
  for (const name of names) {
    const kept = read(name);
    if (kept) write(name, change(kept));
  }
}
