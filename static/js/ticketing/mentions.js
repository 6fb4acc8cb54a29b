// @name in a comment: a list of the colleagues who may see it, below the box that has [data-mentions]. The box keeps
// the focus all the time; arrows choose, Enter and Tab take, Escape closes. Without JavaScript the name is typed.
import { placePopup } from "../combo-box/place-popup.js";

// What is typed before the caret: an @ that begins a word, and the letters behind it.
const BEGUN = /(?<![\w@./+-])@([\p{L}\p{N}_.+-]{0,30})$/u;
// Typing quickly asks once.
const PAUSE_MS = 120;

let last = 0;

export function startMentions(page) {
  page.addEventListener("focusin", ({ target }) => {
    if (target.matches?.("textarea[data-mentions]") && !target.hasAttribute("aria-autocomplete")) new Mentions(target);
  });
}

class Mentions {
  #box;
  #list = document.createElement("ul");
  #status = document.createElement("p");
  #people = [];
  #chosen = 0;
  #begun = null;
  // What was closed by Escape stays closed until another name is begun.
  #closedAt = -1;
  #timer;
  #asked = 0;

  constructor(box) {
    this.#box = box;
    const list = this.#list;
    list.id = `mentions-${++last}`;
    list.className = "mentions";
    list.popover = "manual";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Colleagues");
    this.#status.className = "visually-hidden";
    this.#status.setAttribute("role", "status");
    // Beside the form, so that nothing of it is sent or kept with a draft.
    box.closest("form").after(list, this.#status);
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-haspopup", "listbox");
    box.setAttribute("aria-controls", list.id);
    box.addEventListener("input", () => this.#look());
    box.addEventListener("keydown", (event) => this.#onKey(event));
    // A click or an arrow key may have left the name.
    box.addEventListener("keyup", () => this.#isOpen && this.#look());
    box.addEventListener("click", () => this.#look());
    box.addEventListener("blur", () => this.#close());
    // Before the box loses the focus.
    list.addEventListener("pointerdown", (event) => event.preventDefault());
    list.addEventListener("click", ({ target }) => this.#take(this.#people[[...list.children].indexOf(target.closest("li"))]));
    window.addEventListener("scroll", () => this.#isOpen && placePopup(list, box), { passive: true });
  }

  get #isOpen() {
    return this.#list.matches(":popover-open");
  }

  #look() {
    const { selectionStart, selectionEnd, value } = this.#box;
    const found = selectionStart === selectionEnd ? BEGUN.exec(value.slice(0, selectionStart)) : null;
    if (!found || found.index === this.#closedAt) {
      if (!found) this.#closedAt = -1;
      return this.#close();
    }
    const same = this.#begun?.index === found.index && this.#begun[1] === found[1];
    this.#begun = found;
    if (same) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(found[1]), PAUSE_MS);
  }

  async #ask(text) {
    const asked = ++this.#asked;
    let people = [];
    try {
      const response = await fetch(`${this.#box.dataset.mentions}?${new URLSearchParams({ q: text })}`);
      if (response.ok && response.headers.get("Content-Type")?.startsWith("application/json")) ({ people } = await response.json());
    } catch {
      // Offline: the name can be typed all the same.
    }
    if (asked === this.#asked && this.#begun && document.activeElement === this.#box) this.#offer(people);
  }

  #offer(people) {
    if (!people.length) return this.#hide("No colleague found");
    this.#people = people;
    this.#list.replaceChildren(...people.map((person, index) => option(person, `${this.#list.id}-${index}`)));
    if (!this.#isOpen) this.#list.showPopover();
    placePopup(this.#list, this.#box);
    this.#choose(0);
    this.#status.textContent = people.length === 1 ? "1 colleague, Enter takes" : `${people.length} colleagues, arrow keys choose, Enter takes`;
  }

  #choose(index) {
    this.#chosen = (index + this.#people.length) % this.#people.length;
    const options = [...this.#list.children];
    for (const [at, element] of options.entries()) element.setAttribute("aria-selected", String(at === this.#chosen));
    this.#box.setAttribute("aria-activedescendant", options[this.#chosen].id);
    options[this.#chosen].scrollIntoView({ block: "nearest" });
  }

  #onKey(event) {
    if (!this.#isOpen || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown") this.#choose(this.#chosen + 1);
    else if (event.key === "ArrowUp") this.#choose(this.#chosen - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.#take(this.#people[this.#chosen]);
    else if (event.key === "Escape") {
      this.#closedAt = this.#begun.index;
      this.#close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #take(person) {
    if (!person || !this.#begun) return;
    const end = this.#begun.index + this.#begun[0].length;
    const space = /^\s/.test(this.#box.value.slice(end)) ? "" : " ";
    this.#box.setRangeText(`@${person.username}${space}`, this.#begun.index, end, "end");
    this.#close();
    // Drafts and other listeners hear of it as of typing.
    this.#box.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertReplacementText" }));
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#begun = null;
    this.#hide("");
  }

  #hide(status) {
    if (this.#isOpen) this.#list.hidePopover();
    this.#box.removeAttribute("aria-activedescendant");
    this.#status.textContent = status;
  }
}

function option({ username, name }, id) {
  const element = document.createElement("li");
  element.id = id;
  element.className = "combo-box__option";
  element.setAttribute("role", "option");
  const shown = document.createElement("span");
  shown.className = "combo-box__name";
  shown.dir = "auto";
  shown.textContent = name;
  const about = document.createElement("span");
  about.className = "combo-box__about";
  about.textContent = `@${username}`;
  element.append(shown, about);
  return element;
}
