import { OneChosen, SeveralChosen, inOneLine } from "../combo-box/chosen.js";
import { fold, piecesOf, wordsOf } from "../combo-box/folded.js";
import { placePopup } from "../combo-box/place-popup.js";
import { LocalRows, RemoteRows, SearchError } from "../combo-box/rows.js";

// While somebody types, one search a pause is enough.
const PAUSE_MS = 150;
// A quicker answer needs no word that it is awaited.
const SLOW_MS = 400;
const PAGE = 10;
const HEARD = ["input", "keydown", "click", "mousedown", "focusout"];
// What moves a field on the screen, and the buttons of a pointer.
const AROUND = [
  [document, "pointerdown"],
  [document, "pointerup"],
  [document, "pointercancel"],
  [document, "scroll"],
  [window, "resize"],
  [window.visualViewport, "resize"],
  [window.visualViewport, "scroll"],
];

/**
 * One text field to choose rows by, made of the controls that the server has painted (and that work without it): type,
 * arrow, enter. The pattern is ARIA's editable combobox with a listbox; the focus never leaves the text field.
 *
 * data-noun, data-plural   what its rows are called
 * data-url                 where matches are asked for; without it, the page has all rows
 * data-several             the name of its checkboxes, of which data-most may be chosen; without it, one <select>
 * data-nothing             what choosing nothing is called, where that is a choice
 * data-clearable           whether one click may empty it
 */
export class ComboBox extends HTMLElement {
  #chosen;
  #source;
  #input = null;
  #form = null;
  #field;
  #clear;
  #which;
  #chips;
  #popup;
  #list;
  #hint;
  #note;
  // Rows of the list, and the one that the arrow keys have reached.
  #rows = [];
  #active = -1;
  #answer = null;
  #pause;
  #asking = null;
  #isPressed = false;
  #isLeft = false;
  // What the answer that is awaited is for.
  #wanted = { list: false, move: 0, choice: false };

  connectedCallback() {
    if (!this.#input && !this.#build()) return;
    for (const type of HEARD) this.addEventListener(type, this);
    this.#form = this.#input.form;
    this.#form?.addEventListener("reset", this);
    this.#form?.addEventListener("typed:back", this);
    // Before whoever sends the form hears of it.
    document.addEventListener("submit", this, { capture: true });
    window.addEventListener("online", this);
    for (const [target, type] of AROUND) target?.addEventListener(type, this, { capture: true, passive: true });
  }

  disconnectedCallback() {
    if (!this.#input) return;
    for (const type of HEARD) this.removeEventListener(type, this);
    this.#form?.removeEventListener("reset", this);
    this.#form?.removeEventListener("typed:back", this);
    document.removeEventListener("submit", this, { capture: true });
    window.removeEventListener("online", this);
    for (const [target, type] of AROUND) target?.removeEventListener(type, this, { capture: true });
    this.#stopAsking();
    this.#close();
  }

  handleEvent(event) {
    switch (event.type) {
      case "input":
        return event.target === this.#input && this.#onInput();
      case "keydown":
        return event.target === this.#input && this.#onKey(event);
      case "click":
        return this.#onClick(event);
      case "mousedown":
        // The focus stays in the text field.
        return this.#popup.contains(event.target) && event.preventDefault();
      case "focusout":
        return this.contains(event.relatedTarget) || !document.hasFocus() || this.#onLeave();
      case "pointerdown":
        return (this.#isPressed = true);
      case "pointerup":
      case "pointercancel":
        return this.#isPressed && setTimeout(() => this.#onRelease());
      case "submit":
        return event.target === this.#input.form && this.#onSubmit(event);
      case "reset":
      case "typed:back":
        // The browser resets the controls after it has said so.
        return setTimeout(() => this.#readControls());
      case "online":
        return this.#note.dataset.kind === "error" && this.#hasFocus && this.#open(0);
      default:
        return this.#isOpen && placePopup(this.#popup, this.#field);
    }
  }

  /** Shows a row as if the server had painted it: nobody has touched the field. An empty key is no row. */
  take(row) {
    const select = this.#chosen.control;
    if (row.key) this.#chosen.add(row);
    else this.#chosen.clear();
    for (const option of select.options) option.defaultSelected = option.value === row.key;
    select.value = row.key;
    const [chosen] = this.#chosen.rows;
    this.#input.defaultValue = chosen ? inOneLine(chosen.name) : "";
    this.#input.value = this.#input.defaultValue;
    this.#readControls();
  }

  // Made of what is there

  #build() {
    const parts = document.getElementById("combo-box");
    if (!parts || !("popover" in HTMLElement.prototype)) return false;
    const focused = this.contains(document.activeElement);
    const select = this.querySelector("select");
    const found = this.querySelector("input[type=hidden]");
    const shelf = document.createElement("div");
    shelf.hidden = true;
    this.#input = this.querySelector("input[name$='-find']") ?? document.createElement("input");
    if (select) {
      this.#dress(select);
      shelf.append(select, ...(found ? [found] : []));
      this.#chosen = new OneChosen(select, found);
    } else {
      this.#dressForSeveral();
      shelf.append(...[...this.querySelectorAll("input[type=checkbox]")].map((box) => box.parentElement));
      this.#chosen = new SeveralChosen(this.dataset.several, shelf);
    }
    const typed = this.#input.value !== this.#input.defaultValue;
    const { noun, plural, url } = this.dataset;
    this.#source = url ? new RemoteRows(url, plural) : new LocalRows(() => this.#chosen.all.filter(this.#isOffered));
    if (url) this.#chosen.forgetOthers?.();
    this.replaceChildren(...parts.cloneNode(true).children, shelf);
    this.#chips = this.querySelector(".combo-box__chosen");
    this.#field = this.querySelector(".combo-box__field");
    this.#clear = this.querySelector(".combo-box__clear");
    // Namesakes differ in it.
    this.#which = this.querySelector(".combo-box__which");
    this.#popup = this.querySelector(".combo-box__popup");
    this.#list = this.querySelector("[role=listbox]");
    this.#hint = this.querySelector(".combo-box__hint");
    this.#note = this.querySelector(".combo-box__note");
    this.#field.prepend(this.#input);
    this.#list.setAttribute("aria-label", plural);
    this.#clear.lastElementChild.textContent = `Clear the ${noun}`;
    this.#list.id = `${this.#input.id}-list`;
    this.#note.id = `${this.#input.id}-note`;
    this.#which.id = `${this.#input.id}-which`;
    this.#input.setAttribute("aria-controls", this.#list.id);
    const described = this.#input.getAttribute("aria-describedby");
    this.#input.setAttribute("aria-describedby", [this.#which.id, described, this.#note.id].filter(Boolean).join(" "));
    if (typed) this.#onTyped();
    else this.#readControls({ first: true });
    this.toggleAttribute("data-ready", true);
    if (focused) this.#input.focus();
    return true;
  }

  #dress(select) {
    const input = this.#dressed();
    for (const { name, value } of [...select.attributes]) {
      if (name === "id" || name.startsWith("aria-")) {
        input.setAttribute(name, value);
        select.removeAttribute(name);
      }
    }
    // A control that nobody sees can't ask to be filled in.
    if (select.required) input.setAttribute("aria-required", "true");
    select.required = false;
    const nothing = this.dataset.nothing ?? select.querySelector("option[value='']")?.text.trim() ?? "";
    input.placeholder ||= nothing;
  }

  #dressForSeveral() {
    const input = this.#dressed();
    input.id ||= `find-${this.dataset.several}`;
    input.placeholder ||= `Find a ${this.dataset.noun}`;
    input.setAttribute("aria-label", `Find a ${this.dataset.noun}`);
  }

  #dressed() {
    const input = this.#input;
    // A search field may have no other role.
    input.type = "text";
    input.className = "combo-box__input";
    input.autocomplete = "off";
    input.dir = "auto";
    input.spellcheck = false;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
    return input;
  }

  #isOffered = ({ key }) => key !== "" || this.dataset.nothing !== undefined;

  // What it holds

  get #text() {
    return this.#input.value.trim();
  }

  get #isSeveral() {
    return this.dataset.several !== undefined;
  }

  /** Nothing is typed that isn't chosen. */
  get #isSettled() {
    return this.#text === "" || (!this.#isSeveral && this.#chosen.rows.some(({ name }) => inOneLine(name) === this.#input.value));
  }

  /** What to search for: a name that was chosen isn't a search. */
  get #query() {
    return this.#isSettled ? "" : this.#text;
  }

  get #hasFocus() {
    return document.activeElement === this.#input;
  }

  /** Shows what the controls hold, after the server, a reset or typed.js has set them. */
  #readControls({ first = false } = {}) {
    this.#stopAsking();
    this.#close();
    const [row] = this.#isSeveral ? [] : this.#chosen.rows;
    if (row && (first || !this.#input.name)) this.#input.value = row.name;
    else if (!row && !this.#input.name && !first) this.#input.value = "";
    // What it shows when nobody has touched it.
    if (first && row) this.#input.defaultValue = this.#input.value;
    this.#say("");
    this.#afterChange();
  }

  #afterChange() {
    this.#chosen.answers?.(this.#isSettled ? this.#input.value : "");
    this.#clear.hidden = !("clearable" in this.dataset) || this.#input.value === "";
    if (this.#isSeveral) return this.#showChips();
    this.#which.textContent = this.#chosen.rows[0]?.note ?? "";
  }

  #showChips() {
    const rows = this.#chosen.rows;
    const part = document.getElementById("combo-box-chip");
    this.#chips.hidden = rows.length === 0;
    this.#chips.replaceChildren(
      ...rows.map(({ key, name }) => {
        const chip = part.cloneNode(true);
        chip.removeAttribute("id");
        chip.dataset.key = key;
        chip.querySelector(".chip__value").textContent = name;
        chip.querySelector(".visually-hidden").textContent = `Remove ${name}`;
        return chip;
      }),
    );
  }

  #choose(row) {
    if (this.#isSeveral && this.#chosen.rows.length >= Number(this.dataset.most)) {
      this.#close();
      return this.#say(`At most ${this.dataset.most} ${this.dataset.plural} can be chosen.`, "warning");
    }
    this.#stopAsking();
    this.#chosen.add(row);
    this.#input.value = this.#isSeveral || !row.key ? "" : row.name;
    this.#close();
    this.#afterChange();
    this.#say(`${row.name} chosen`, "told");
    this.#changed();
  }

  #remove(chip) {
    const next = chip.nextElementSibling?.dataset.key;
    this.#chosen.remove(chip.dataset.key);
    this.#afterChange();
    this.#say(`${chip.querySelector(".chip__value").textContent} removed`, "told");
    (this.#chips.querySelector(`[data-key="${CSS.escape(next ?? "")}"] button`) ?? this.#input).focus();
    this.#changed();
  }

  #empty() {
    this.#stopAsking();
    this.#input.value = "";
    this.#chosen.clear?.();
    this.#close();
    this.#say("");
    this.#afterChange();
    this.#input.focus();
    this.#changed();
  }

  #changed() {
    this.#chosen.control.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // Hands

  #onInput() {
    this.#wanted = { list: true, move: 0, choice: false };
    this.#onTyped();
    this.#say("");
    this.#setActive(-1);
    this.#stopAsking();
    if (this.dataset.url) this.#pause = setTimeout(() => this.#search(), PAUSE_MS);
    else this.#search();
  }

  /** A text that is being typed names nothing yet. */
  #onTyped() {
    this.#chosen.clear?.();
    this.#afterChange();
  }

  #onKey(event) {
    if (event.isComposing) return;
    const taken = this.#keys[event.key]?.(event);
    if (taken) event.preventDefault();
  }

  // Each says whether the key was for the list. Home and End are the text's own until a row is reached.
  #keys = {
    ArrowDown: ({ altKey }) => (this.#isOpen ? this.#step(1) : this.#open(altKey ? 0 : 1)),
    ArrowUp: ({ altKey }) => (this.#isOpen && altKey ? this.#close() : this.#isOpen ? this.#step(-1) : this.#open(-1)),
    Home: () => this.#isOpen && this.#active >= 0 && this.#setActive(0),
    End: () => this.#isOpen && this.#active >= 0 && this.#setActive(this.#rows.length - 1),
    PageDown: () => this.#isOpen && this.#setActive(Math.min(this.#active + PAGE, this.#rows.length - 1)),
    PageUp: () => this.#isOpen && this.#setActive(Math.max(this.#active - PAGE, 0)),
    Enter: () => this.#onEnter(),
    Escape: (event) => {
      if (!this.#isOpen) return false;
      // The menu around it stays open.
      event.stopPropagation();
      this.#stopAsking();
      return this.#close();
    },
    Tab: () => {
      if (this.#isOpen && this.#active >= 0 && !this.#isAwaited) this.#choose(this.#rows[this.#active]);
      return false;
    },
  };

  #onEnter() {
    const row = this.#rows[this.#active];
    if (this.#isOpen && row && !this.#isAwaited) this.#choose(row);
    else if (this.#isAwaited) {
      this.#wanted.choice = true;
      if (this.#pause) this.#search();
    } else if (this.#isOpen && this.#only) this.#choose(this.#only);
    else return this.#isOpen;
    return true;
  }

  #onClick({ target }) {
    const option = target.closest("[role=option]");
    if (option) return this.#choose(this.#rows[[...this.#list.children].indexOf(option)]);
    if (this.#clear.contains(target)) return this.#empty();
    const chip = target.closest("button") && target.closest("[data-key]");
    if (chip) return this.#remove(chip);
    if (this.#field.contains(target)) {
      this.#input.focus();
      if (!this.#isOpen) this.#open(0);
    }
  }

  #onLeave() {
    this.#wanted = { list: false, move: 0, choice: false };
    this.#close();
    // Not before the click is done: words that come between would move a button away from under the pointer.
    if (this.#isPressed) this.#isLeft = true;
    else setTimeout(() => this.#settle());
  }

  #onRelease() {
    this.#isPressed = false;
    if (this.#isLeft) this.#settle();
    this.#isLeft = false;
  }

  /** Somebody has gone on: what was typed is the one row that it matches, or it is said that nothing is chosen. */
  #settle() {
    if (this.#hasFocus || this.#isSettled || this.#asking) return;
    if (this.#answer?.text !== this.#query) {
      // Somebody has been told already why there is no answer.
      if (this.#pause || this.#note.dataset.kind !== "error") this.#search();
      return;
    }
    if (this.#only) return this.#choose(this.#only);
    this.#say(this.#rows.length ? this.#tooMany : this.#noMatch, "warning");
  }

  #onSubmit(event) {
    // Anything but a choice would be lost: only the server's own rows can be looked for by the server.
    if (this.dataset.url || this.#isSettled || !(this.#isSeveral || this.dataset.nothing !== undefined)) return;
    this.#take({ text: this.#query, ...this.#source.matching(this.#query) });
    if (this.#only) return this.#choose(this.#only);
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#input.focus();
    this.#close();
    this.#say(`${this.#rows.length ? this.#tooMany : this.#noMatch} Choose one, or empty the field.`, "warning");
  }

  // Searching

  /** Whether an answer to what is typed is still to come. */
  get #isAwaited() {
    return Boolean(this.#pause || this.#asking);
  }

  async #search() {
    this.#stopAsking();
    const asking = (this.#asking = new AbortController());
    const text = this.#query;
    const slow = setTimeout(() => this.#wait(), SLOW_MS);
    try {
      const answer = await this.#source.matching(text, asking.signal);
      if (asking !== this.#asking) return;
      this.#asking = null;
      this.#take({ text, ...answer });
      this.#onAnswer();
    } catch (error) {
      if (asking !== this.#asking) return;
      this.#asking = null;
      if (!(error instanceof SearchError)) throw error;
      this.#answer = null;
      this.#close();
      this.#say(error.message, "error");
    } finally {
      clearTimeout(slow);
    }
  }

  #stopAsking() {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#asking?.abort();
    this.#asking = null;
  }

  #wait() {
    if (!this.#wanted.list || !this.#hasFocus) return;
    this.#rows = [];
    this.#showRows();
    this.#showHint("Searching…");
    this.#show();
  }

  #take(answer) {
    const chosen = this.#isSeveral ? new Set(this.#chosen.rows.map(({ key }) => key)) : new Set();
    this.#answer = answer;
    this.#rows = answer.rows.filter(({ key }) => !chosen.has(key));
    this.#active = -1;
  }

  #onAnswer() {
    const { list, move, choice } = this.#wanted;
    if (!this.#hasFocus) return this.#settle();
    if (choice && this.#only) return this.#choose(this.#only);
    this.#showRows();
    this.#showHint(this.#rows.length ? this.#more : this.#noMatch);
    this.#say(this.#rows.length ? this.#count : this.#noMatch, "told");
    if (!list) return;
    this.#show();
    if (move) this.#step(move);
  }

  /** The one row that is meant, if that is certain. */
  get #only() {
    const { text, more, complete } = this.#answer ?? {};
    if (!text || more || text !== this.#query) return null;
    if (this.#rows.length === 1 && complete) return this.#rows[0];
    const same = this.#rows.filter(({ name }) => fold(name.trim()) === fold(text));
    return same.length === 1 ? same[0] : null;
  }

  // Words

  get #noMatch() {
    const { text, complete } = this.#answer;
    if (!text) return this.#chosen.rows.length && this.#isSeveral ? "All are chosen." : `There are no ${this.dataset.plural}.`;
    if (complete) return `No ${this.dataset.noun} matches “${text}”.`;
    return `No ${this.dataset.noun}’s name begins with “${text}”. Type three letters in a row to search all.`;
  }

  get #tooMany() {
    const told = this.#rows.length === 1 ? `one ${this.dataset.noun} may match` : `${this.#number} ${this.dataset.plural} match`;
    return `Nothing is chosen: ${told} “${this.#answer.text}”.`;
  }

  get #number() {
    return this.#answer.more ? `more than ${this.#rows.length}` : this.#rows.length;
  }

  get #count() {
    const { noun, plural } = this.dataset;
    return `${this.#number} ${this.#rows.length === 1 ? noun : plural}`;
  }

  get #more() {
    const { text, more, complete } = this.#answer;
    if (text && !complete) return "Type three letters in a row to search all.";
    if (!more) return "";
    return text ? `These are ${this.#rows.length} of them; type more of the name.` : `These are the newest; type a part of a name to find any other.`;
  }

  #say(sentence, kind = "") {
    this.#note.textContent = sentence;
    this.#note.dataset.kind = kind;
    if (kind === "warning") this.#input.dataset.unsettled = "";
    else delete this.#input.dataset.unsettled;
  }

  // The list

  get #isOpen() {
    return this.#popup.isConnected && this.#popup.matches(":popover-open");
  }

  /** `move` is the step to take into the list: 1 to its first row, -1 to its last, 0 to stay in the text. */
  #open(move) {
    this.#wanted = { list: true, move, choice: false };
    this.#search();
    return true;
  }

  #show() {
    if (!this.#isOpen) this.#popup.showPopover();
    this.#input.setAttribute("aria-expanded", String(this.#rows.length > 0));
    placePopup(this.#popup, this.#field);
  }

  #close() {
    if (this.#isOpen) this.#popup.hidePopover();
    this.#wanted.list = false;
    this.#input.setAttribute("aria-expanded", "false");
    this.#setActive(-1);
    return true;
  }

  #showRows() {
    const part = document.getElementById("combo-box-option");
    const words = wordsOf(this.#answer?.text ?? "");
    const chosen = new Set(this.#chosen.rows.map(({ key }) => key));
    this.#list.hidden = this.#rows.length === 0;
    this.#list.replaceChildren(
      ...this.#rows.map(({ key, name, note }, index) => {
        const option = part.cloneNode(true);
        option.id = `${this.#list.id}-${index}`;
        const isChosen = key !== "" && chosen.has(key);
        option.toggleAttribute("data-chosen", isChosen);
        option.querySelector(".visually-hidden").textContent = isChosen ? "is chosen" : "";
        option.querySelector(".combo-box__name").append(...marked(name, words));
        option.querySelector(".combo-box__about").append(...marked(note, words));
        return option;
      }),
    );
    this.#list.scrollTop = 0;
    this.#setActive(-1);
  }

  #showHint(sentence) {
    this.#hint.textContent = sentence;
    this.#hint.hidden = sentence === "";
  }

  /** Round and round: behind the last row comes the first. */
  #step(by) {
    const count = this.#rows.length;
    return this.#setActive(this.#active < 0 && by < 0 ? count - 1 : (this.#active + by + count) % count);
  }

  #setActive(index) {
    const rows = this.#list.children;
    if (this.#active >= 0) rows[this.#active]?.setAttribute("aria-selected", "false");
    this.#active = rows[index] ? index : -1;
    if (this.#active < 0) this.#input.removeAttribute("aria-activedescendant");
    else {
      rows[index].setAttribute("aria-selected", "true");
      rows[index].scrollIntoView({ block: "nearest" });
      this.#input.setAttribute("aria-activedescendant", rows[index].id);
    }
    return true;
  }
}

function marked(text, words) {
  return piecesOf(text, words).map(([piece, isMarked]) => {
    if (!isMarked) return piece;
    const mark = document.createElement("mark");
    mark.textContent = piece;
    return mark;
  });
}

if (customElements.get("combo-box") === undefined) customElements.define("combo-box", ComboBox);
