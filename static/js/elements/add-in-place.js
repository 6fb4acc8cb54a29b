import { parseForm } from "../live/live-patch.js";

const FAILED = "The form can’t be loaded just now. Try again in a moment.";
const FIRST_CONTROL = ".field :is(input, select, textarea)";

/**
 * Opens the form of a new row on this page, for every a[data-add] of the page. What is typed stays while another form is
 * open, or none. Without JavaScript, and in a new tab, the link leads to the form's own page.
 */
export class AddInPlace extends HTMLElement {
  connectedCallback() {
    document.addEventListener("click", this);
    this.addEventListener("background:sent", this);
    for (const choice of this.#choices) {
      choice.setAttribute("role", "button");
      choice.setAttribute("aria-expanded", "false");
      choice.addEventListener("keydown", pressWithSpace);
    }
  }

  disconnectedCallback() {
    document.removeEventListener("click", this);
    this.removeEventListener("background:sent", this);
  }

  handleEvent(event) {
    if (event.type === "background:sent") return this.#done(event);
    if (event.target.closest("[data-add-cancel]")) return this.#close(event.target.closest("[data-add-form]"));
    const link = event.target.closest("a[data-add]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#toggle(link);
  }

  get #choices() {
    return [...this.querySelectorAll("[data-add]")];
  }

  get #forms() {
    return this.querySelector("[data-add-forms]");
  }

  #form(name) {
    return this.#forms.querySelector(`[data-add-form="${CSS.escape(name)}"]`);
  }

  async #toggle(link) {
    const name = link.dataset.add;
    const isOpen = this.#form(name)?.hidden === false;
    // A link elsewhere on the page leads to the form, it doesn't take it away.
    if (isOpen && this.contains(link)) return this.#show("");
    this.#say("");
    const form = this.#form(name) ?? (await this.#load(link));
    if (!form) return;
    this.#show(name);
    form.querySelector(FIRST_CONTROL)?.focus();
  }

  async #load(link) {
    const name = link.dataset.add;
    let html;
    try {
      const answer = await fetch(link.href, { headers: { Accept: "application/json" }, cache: "no-store" });
      // Signed out, or without the right: the page itself says which.
      if (!answer.headers.get("Content-Type")?.startsWith("application/json")) return location.assign(link.href);
      ({ html } = await answer.json());
    } catch {
      return this.#say(FAILED, "error");
    }
    // A second click was quicker.
    if (this.#form(name)) return this.#form(name);
    const holder = document.createElement("div");
    holder.dataset.addForm = name;
    holder.hidden = true;
    holder.append(parseForm(html));
    this.#forms.append(holder);
    holder.querySelector("form").dispatchEvent(new Event("form:shown", { bubbles: true }));
    return holder;
  }

  /** Shows one form; with an empty name, none. */
  #show(name) {
    for (const form of this.#forms.children) form.hidden = form.dataset.addForm !== name;
    for (const choice of this.#choices) choice.setAttribute("aria-expanded", String(choice.dataset.add === name));
  }

  #close(form) {
    // Nothing of it is wanted any more: typed.js hears the reset.
    form.querySelector("form").reset();
    this.#remove(form);
  }

  #done({ target, detail }) {
    this.#remove(target.closest("[data-add-form]"));
    this.#say(detail.said, "success");
  }

  #remove(form) {
    form.remove();
    this.#show("");
    this.#choices.find((choice) => choice.dataset.add === form.dataset.addForm)?.focus();
  }

  #say(sentence, kind = "") {
    const note = this.querySelector("[data-add-note]");
    note.textContent = sentence;
    note.dataset.kind = kind;
  }
}

function pressWithSpace(event) {
  if (event.key !== " ") return;
  event.preventDefault();
  event.currentTarget.click();
}

if (customElements.get("add-in-place") === undefined) customElements.define("add-in-place", AddInPlace);
