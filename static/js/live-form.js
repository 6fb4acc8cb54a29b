// The form of a record that others may be changing. A field that nobody has touched becomes theirs; at one that was
// touched, theirs can be taken or mine kept. Text, caret and focus stay where they are.
import { choose } from "./combo-box/chosen.js";
import { isDirty } from "./live/precious.js";
import { readSeen, see } from "./seen.js";

const SHOWN_LENGTH = 80;

export function startLiveForms(page) {
  const region = page.querySelector("[data-editing]");
  for (const form of page.querySelectorAll("form[data-live-form]")) if (region) new LiveForm(form, region);
}

class LiveForm {
  #form;
  #region;
  #fields = new Map();
  // Painted with what was typed, because the form couldn't be saved.
  #sent;

  constructor(form, region) {
    this.#form = form;
    this.#region = region;
    this.#sent = new Set(form.dataset.touched.split(" ").filter(Boolean));
    for (const element of form.querySelectorAll("[data-field]")) {
      const field = new FormField(form, element);
      if (field.controls.length) this.#fields.set(field.name, field);
    }
    window.addEventListener("live:patched", ({ target }) => target === region && this.#follow());
    form.addEventListener("input", ({ target }) => this.#prefersMine(target.closest("[data-field]")?.dataset.field));
    for (const type of ["input", "change", "focusout", "typed:back"]) form.addEventListener(type, () => this.#followSoon());
    form.addEventListener("reset", () => {
      this.#sent.clear();
      this.#followSoon();
    });
    this.#follow();
  }

  // After the event has done what it does.
  #followSoon() {
    setTimeout(() => this.#follow());
  }

  #follow() {
    // Taken off the screen, or about a record that is gone.
    if (!this.#region.isConnected || this.#region.querySelector("[data-gone]")) return;
    const revision = this.#region.querySelector("[data-changes]")?.dataset.changes;
    const items = [...this.#region.querySelectorAll("[data-change]")];
    for (const [name, field] of this.#fields) {
      const item = items.find(({ dataset }) => dataset.change === name);
      if (item) this.#meet(field, changeOf(field, item, revision));
      else this.#isAsPainted(field);
    }
  }

  /** Whoever goes on with their own text in a conflict means it. */
  #prefersMine(name) {
    const choice = this.#form.elements.namedItem(`choose-${name}`);
    if (choice instanceof RadioNodeList) choice.value = "mine";
  }

  #isTouched(field) {
    return this.#sent.has(field.name) || field.isDirty;
  }

  #meet(field, change) {
    const isAgreed = field.holds(change.now);
    if (this.#isTouched(field)) {
      if (isAgreed || field.answered === change.now.value) field.tell(null);
      else this.#ask(field, change);
    } else if (isAgreed) {
      if (field.isTheirs) field.tell(change);
    } else if (field.hasFocus) this.#ask(field, change);
    else this.#take(field, change);
  }

  /** Nobody has changed it, or it was changed back. */
  #isAsPainted(field) {
    field.answered = null;
    if (!field.isTheirs) return field.isAsked && field.tell(null);
    if (!this.#isTouched(field)) {
      if (field.hasFocus) return;
      field.put(field.painted);
    }
    field.measureAsBefore();
    field.tell(null);
  }

  #take(field, change) {
    this.#sent.delete(field.name);
    field.put(change.now);
    field.measureBy(change.revision);
    field.tell(change);
  }

  #ask(field, change) {
    field.tell(change, [
      ["Take it", () => this.#answer(field, () => this.#take(field, change))],
      ["Keep mine", () => this.#answer(field, () => this.#keep(field, change))],
    ]);
  }

  #answer(field, act) {
    act();
    // What the tab keeps of the form says so, too.
    this.#form.dispatchEvent(new Event("live:answered"));
    field.focus();
  }

  #keep(field, change) {
    this.#sent.add(field.name);
    this.#prefersMine(field.name);
    field.answered = change.now.value;
    field.measureBy(change.revision);
    field.tell(null);
  }
}

/** One field: its controls, what it was painted with, and what stands below it about others. */
class FormField {
  name;
  painted;
  // Their value over which somebody has kept their own.
  answered = null;
  // Measured by a change of others.
  isTheirs = false;
  #form;
  #element;
  #before = null;
  #told = "";

  constructor(form, element) {
    this.name = element.dataset.field;
    this.#form = form;
    this.#element = element;
    const control = this.#main;
    if (control) this.painted = paintedIn(control);
  }

  get controls() {
    const named = [this.name, `${this.name}-find`].map((name) => this.#form.elements.namedItem(name)).filter(Boolean);
    return [...named, ...this.#element.querySelectorAll("[role=combobox]")];
  }

  get isDirty() {
    return this.controls.some((control) =>
      control.type === "datetime-local" ? !isSame(control, control.value, control.defaultValue) : isDirty(control),
    );
  }

  get hasFocus() {
    return this.#element.contains(document.activeElement);
  }

  get isAsked() {
    return Boolean(this.#note?.querySelector("button"));
  }

  focus() {
    this.#shown.focus();
  }

  get zone() {
    return this.#form.elements.namedItem(`${this.name}-zone`)?.value;
  }

  holds({ value }) {
    return isSame(this.#main, this.#main.value, value);
  }

  /** As if the server had painted it. */
  put({ value, word }) {
    const control = this.#main;
    const box = control.closest("combo-box[data-ready]");
    if (box) box.take({ key: value, name: word, note: "" });
    else if (control instanceof HTMLSelectElement) {
      choose(control, { key: value, name: word, note: "" });
      for (const option of control.options) option.defaultSelected = option.value === value;
      control.value = value;
    } else {
      control.defaultValue = value;
      control.value = value;
    }
  }

  measureBy(revision) {
    if (!this.isTheirs) this.#before = readSeen(this.#form).get(this.name) ?? null;
    this.isTheirs = true;
    see(this.#form, this.name, revision);
  }

  measureAsBefore() {
    this.isTheirs = false;
    see(this.#form, this.name, this.#before);
  }

  /** Says below the field who changed it; with choices also to what. */
  tell(change, choices = []) {
    const told = change ? `${change.who} ${choices.length}${change.now.value}` : "";
    if (told === this.#told) return;
    this.#told = told;
    this.#note?.remove();
    const id = `${this.#shown.id}-told`;
    describe(this.#shown, id, Boolean(change));
    if (!change) return;
    const note = document.createElement("p");
    note.className = "field__told";
    note.dataset.told = "";
    note.id = id;
    note.append(sentence(change, choices.length > 0));
    for (const [word, act] of choices) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button--small";
      button.textContent = word;
      button.addEventListener("click", act);
      note.append(" ", button);
    }
    this.#element.append(note);
  }

  get #note() {
    return this.#element.querySelector("[data-told]");
  }

  get #shown() {
    return this.#element.querySelector("[role=combobox]") ?? this.#main;
  }

  get #main() {
    return this.#form.elements.namedItem(this.name);
  }
}

function sentence({ who, shown }, isLong) {
  const told = document.createElement("span");
  told.append(isolated(who), " changed this");
  if (isLong) told.append(" to “", isolated(shown), "”");
  return told;
}

/** Names and values may run in another direction than the sentence. */
function isolated(text) {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
}

function describe(control, id, is) {
  const ids = new Set((control.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  if (is) ids.add(id);
  else ids.delete(id);
  if (ids.size) control.setAttribute("aria-describedby", [...ids].join(" "));
  else control.removeAttribute("aria-describedby");
}

function paintedIn(control) {
  if (!(control instanceof HTMLSelectElement)) return { value: control.defaultValue, word: control.defaultValue };
  const options = [...control.options];
  const option = options.find(({ defaultSelected }) => defaultSelected) ?? options[0];
  return { value: option?.value ?? "", word: option?.dataset.name ?? option?.text.trim() ?? "" };
}

function changeOf(field, item, revision) {
  const { now, by, person } = item.dataset;
  const word = item.querySelector("ins").textContent.trim();
  const value = field.zone ? inZone(now, field.zone) : now;
  return {
    now: { value, word },
    shown: word.length > SHOWN_LENGTH ? `${word.slice(0, SHOWN_LENGTH)}…` : word,
    who: person && person === document.documentElement.dataset.person ? "You, in another window," : by,
    revision,
  };
}

function isSame(control, one, other) {
  if (control.type === "number" && one !== "" && other !== "") return Number(one) === Number(other);
  if (control.type === "datetime-local") return inFull(one) === inFull(other);
  return plain(control, one) === plain(control, other);
}

/** A browser leaves out zero seconds. */
function inFull(time) {
  return time.length === "2026-01-02T10:00".length ? `${time}:00` : time;
}

function plain(control, text) {
  const lines = text.replace(/\r\n?/g, "\n");
  return control instanceof HTMLInputElement ? lines.replace(/\n/g, "") : lines;
}

/** A moment in UTC as a control shows it that was painted in a zone. */
function inZone(moment, zone) {
  if (!moment) return "";
  const told = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const format = new Intl.DateTimeFormat("en-US", { ...told, hourCycle: "h23", timeZone: zone });
  const { year, month, day, hour, minute, second } = Object.fromEntries(
    format.formatToParts(new Date(`${moment.slice(0, 19)}Z`)).map(({ type, value }) => [type, value]),
  );
  return `${year.padStart(4, "0")}-${month}-${day}T${hour}:${minute}:${second}`;
}
