// What is typed into a form outlives the page: a reload, Back, a server error, a network failure. This tab keeps it for
// the person the page was painted for, with the revision it was typed at, until it has been sent. So does the server, for
// that person's other devices (drafts.js): of the two, the newest is offered.
import { choose, rowOf } from "./combo-box/chosen.js";
import { draftsAt, end, startDrafts } from "./drafts.js";
import { isDirty } from "./live/precious.js";
import { readSeen, see } from "./seen.js";
import { nameOf, names, newName, read, write } from "./typed-store.js";

const PAUSE_MS = 300;
const BACK = "What you typed is back.";
const KEPT = "What you typed here earlier is kept.";
// The list of drafts leads to a form by it.
const ASKED_FOR = "#draft";

const root = document.documentElement;
// A page that answers a form by showing it, or what was typed into it, again: it hasn't been saved.
const isRefusal = "posted" in root.dataset || document.querySelector("[data-unsent]") !== null;
// That page stands for a form of another one, whose draft it carries along.
const isStandIn = document.querySelector("[data-unsent]") !== null;
const person = root.dataset.person;
const title = document.title.replace(/ · Livedesk$/, "");
const timers = new Map();
const notes = new WeakMap();
// Of each form: the name of what is being written there, and of what was put back into it.
const writings = new WeakMap();
// Only a page that was loaded afresh knows what the server has; Back may bring an old one, and so may a missing network.
const onServer = cameBy() === "back_forward" || root.dataset.asOf ? undefined : root.dataset.drafts?.split(" ").filter(Boolean);
const born = new Set();
// Forms beside which a draft waits for an answer: sending one without it doesn't drop it.
const offered = new WeakSet();
let theirs;
let sendSoon = () => {};

/** Once the page's elements are what they are: a chooser that isn't one yet can't get back what was chosen. */
export function startTyped() {
  if (isRefusal) markAll((kept) => ({ ...kept, sent: false }));
  else if (cameBy() === "navigate") markAll((kept) => (kept.sent ? null : kept));

  if (person) {
    window.addEventListener("pagehide", () => [...timers.keys()].forEach(keep));
    sendSoon = startDrafts(writeAnew);
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
  }
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
  // Before it can be sent: the server ends the draft of what it saves.
  carry(form);
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => keep(form), PAUSE_MS));
}

function keep(form) {
  clearTimeout(timers.get(form));
  timers.delete(form);
  const before = read(key(form));
  let values = Object.fromEntries(controls(form).filter(isDirty).map((control) => [place(form, control), valueOf(control)]));
  // A page that shows again what was sent has it as the server's values: it is still unsent.
  if (isRefusal && before) values = { ...before.values, ...values };
  else if (!Object.keys(values).length) return offered.has(form) ? undefined : forget(form);
  offered.delete(form);
  notes.get(form)?.remove();
  const opened = { revision: revisionField(form)?.value ?? null, seen: Object.fromEntries(readSeen(form)) };
  const kept = { ...(isRefusal && before ? before : opened), values, ...belonging(form) };
  const same = before && ["writing", "values", "revision", "seen"].every((part) => equal(before[part], kept[part]));
  const { at, saved, sent } = same ? before : { at: Date.now(), saved: false, sent: false };
  write(key(form), { ...kept, at, saved, sent });
  if (!same) sendSoon(key(form));
}

function equal(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What the server is told beside what was typed; nothing for a form without text, such as one of choices. */
function belonging(form) {
  if (isStandIn || !form.elements.namedItem("typed")?.value) return {};
  const [writing, ...before] = writingsOf(form);
  const label = form.getAttribute("aria-label");
  return { writing, before, title: label ? `${label}: ${title}` : title, address: location.pathname, form: formName(form) };
}

function writingsOf(form) {
  if (!writings.has(form)) {
    const name = newName();
    born.add(name);
    writings.set(form, [name]);
  }
  return writings.get(form);
}

/** Tells the server which draft is gone once this form is saved. */
function carry(form) {
  const { writing, before, address, form: name } = belonging(form);
  if (!writing) return;
  const field = form.elements.namedItem("draft") ?? document.createElement("input");
  Object.assign(field, { type: "hidden", name: "draft", value: `${[writing, ...before].join()} ${address} ${name}` });
  if (!field.isConnected) form.append(field);
}

/** It was sent or thrown away elsewhere: where it is still being written, it is kept on under a new name. */
function writeAnew(name) {
  const form = forms().find((one) => key(one) === name);
  if (!form) return write(name, null);
  writings.delete(form);
  carry(form);
  keep(form);
}

function onSubmit({ target, defaultPrevented }) {
  if (!ours(target)) return;
  keep(target);
  // Sent in the background: the page stays, and says itself what came of it.
  if (defaultPrevented) return;
  const kept = read(key(target));
  if (kept) write(key(target), { ...kept, sent: true });
}

/** What is kept of a form, and under which name, for whoever sends it in another way. */
export function typedInto(form) {
  if (!person || !ours(form)) return null;
  keep(form);
  const kept = read(key(form));
  return kept && { name: key(form), kept };
}

/** The server has saved it, and has ended its draft. What was typed since then is a draft of its own. */
export function markSaved(form) {
  const isAllOfIt = read(key(form))?.sent;
  writings.delete(form);
  if (isAllOfIt) write(key(form), null);
  else if (person && ours(form)) keep(form);
}

/** It was thought to be on its way, and isn't. */
export function markUnsent(form) {
  const kept = read(key(form));
  if (!kept) return;
  write(key(form), { ...kept, sent: false });
  if (kept.writing) sendSoon(key(form));
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
  offered.delete(form);
  const kept = read(key(form));
  if (kept?.writing) end(key(form), { ...kept, writings: [kept.writing, ...kept.before] });
  write(key(form), null);
  writings.delete(form);
  form.elements.namedItem("draft")?.remove();
}

// Putting back

function offer(form) {
  const kept = stillMine(form);
  if (kept?.writing) {
    writings.set(form, [kept.writing, ...kept.before]);
    if (isRefusal) carry(form);
  }
  if (isRefusal) return;
  if (kept && cameBy() !== "navigate") putBack(form, kept);
  else if (kept) ask(form, kept);
  const known = kept?.writing ? [kept.writing, ...kept.before] : [];
  if (onServer?.some((writing) => !known.includes(writing))) offerTheirs(form, kept);
}

/** What this tab keeps, unless it was sent, dropped or written on elsewhere. */
function stillMine(form) {
  const kept = read(key(form));
  // What was saved since this page was asked for, it can't name.
  const couldName = kept?.saved && kept.saved < performance.timeOrigin && onServer && !isRefusal;
  if (!couldName || [...onServer, ...born].includes(kept.writing)) return kept;
  write(key(form), null);
  return null;
}

async function offerTheirs(form, mine) {
  // Asked once for all forms of the page.
  theirs ??= draftsAt(location.pathname).finally(() => (theirs = undefined));
  const found = (await theirs).find((draft) => draft.form === formName(form));
  if (!found || found.writing === mine?.writing || mine?.at > found.kept_at) return;
  // Somebody has begun to type meanwhile.
  if (!mine && read(key(form))) return;
  // What it is called from here on; the server ends both when it is sent.
  const writing = newName();
  ask(form, { ...found, writing, before: [found.writing], title, address: location.pathname, at: Date.now() });
}

function ask(form, kept) {
  if (location.hash === ASKED_FOR) {
    putBack(form, kept);
    // A form takes the address's end along to the page that comes after it.
    history.replaceState(history.state, "", location.pathname + location.search);
    form.scrollIntoView({ block: "center" });
    return;
  }
  offered.add(form);
  say(form, KEPT, [["Put it back", () => putBack(form, kept)], ["Throw it away", () => throwAway(form, kept)]]);
}

function throwAway(form, kept) {
  write(key(form), kept);
  forget(form);
}

function putBack(form, kept) {
  offered.delete(form);
  const fields = new Set();
  for (const control of controls(form)) {
    const value = kept.values[place(form, control)];
    if (value === undefined) continue;
    setValue(control, value);
    fields.add(control.name.replace(/-find$/, ""));
  }
  // Text typed over an older row is saved as such: nobody's later change is overwritten unasked.
  for (const name of fields) see(form, name, kept.seen?.[name] ?? kept.revision);
  if (kept.writing) writings.set(form, [kept.writing, ...kept.before]);
  carry(form);
  form.dispatchEvent(new Event("typed:back"));
  write(key(form), { ...kept, sent: false });
  if (kept.writing) sendSoon(key(form));
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

function key(form) {
  return nameOf(person, `${location.pathname} ${formName(form)}`);
}

/** Its name at this address. */
function formName(form) {
  return form.id || form.getAttribute("action") || String(forms().indexOf(form));
}

function markAll(change) {
  for (const name of names()) {
    const kept = read(name);
    if (kept) write(name, change(kept));
  }
}
