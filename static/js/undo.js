// Undo and redo: a notice after each action, buttons in sentences and in the history, Ctrl-Z and Ctrl-Y. The stack of
// what somebody did belongs to their tab. It holds names of actions; what they did, only the server knows.
import { CUT, explain, KEPT } from "./answers.js";
import { outbox } from "./outbox/outbox.js";
import { own } from "./root.js";

// Where Ctrl-Z belongs to the text, or to what is open over the page.
const TYPING = "textarea, select, [contenteditable], dialog, :popover-open, input:not([type=checkbox], [type=radio], [type=button], [type=submit])";
const MOST = 50;
const REDOES = "undo:";

export function startUndo(page) {
  const form = page.getElementById("undo-form");
  if (form) new Undo(page, form, page.querySelector("[data-undo-notice]"));
}

class Undo {
  #form;
  #notice;
  #chosen = document.createElement("input");
  #stack;
  #isBusy = false;

  constructor(page, form, notice) {
    this.#form = form;
    this.#notice = notice;
    this.#stack = new Stack(own(`livedesk-undo-${document.documentElement.dataset.person}`));
    this.#chosen.type = "hidden";
    for (const button of page.querySelectorAll(".messages [form=undo-form]")) this.#stack.add(button.value);
    window.addEventListener("live:did", ({ detail }) => this.#did(detail));
    form.addEventListener("submit", (event) => this.#onSubmit(event));
    page.addEventListener("keydown", (event) => this.#onKey(event));
    notice.addEventListener("click", ({ target }) => this.#onClick(target));
  }

  #did({ action, said }) {
    this.#stack.add(action);
    this.#say(said);
  }

  #onKey(event) {
    if (event.defaultPrevented || event.altKey || !(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    if ((key !== "z" && key !== "y") || event.target.closest?.(TYPING)) return;
    const action = key === "y" || event.shiftKey ? this.#stack.toRedo : this.#stack.toUndo;
    if (!action) return;
    event.preventDefault();
    this.#send(action);
  }

  #onClick(target) {
    if (target.closest("[data-undo]")) this.#send(this.#stack.toUndo);
    else if (target.closest("[data-redo]")) this.#send(this.#stack.toRedo);
    else if (target.closest("[data-undo-close]")) this.#notice.hidden = true;
  }

  #send(action) {
    this.#chosen.name = "doing";
    this.#chosen.value = action;
    this.#form.append(this.#chosen);
    // Others prepare a form when it is sent (form-token.js).
    this.#form.requestSubmit();
    this.#chosen.remove();
  }

  async #onSubmit(event) {
    event.preventDefault();
    // The second click of a double click.
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await this.#ask(new FormData(this.#form, event.submitter), event.submitter);
    } finally {
      this.#isBusy = false;
    }
  }

  async #ask(data, submitter) {
    const asked = data.get("doing");
    const write = { address: this.#form.action, data, title: submitter?.textContent.trim() || "Undo" };
    const { kind, status, answer, action } = await outbox.write(write);
    if (kind === "none") return this.#say(CUT);
    if (kind === "waits") {
      if (asked) this.#stack.drop(asked);
      return this.#say(KEPT);
    }
    if (!answer) return this.#say(explain(status));
    if (kind !== "done") {
      // What can't be undone stands in the way of what was done before it.
      if (status === 409 && !answer.ask && asked) this.#stack.drop(asked);
      return this.#say(answer.said, answer.ask);
    }
    this.#stack.swap(asked, action);
    submitter?.closest(".messages li")?.remove();
    // A page that isn't live can't show the result, so it is loaded again.
    if (document.documentElement.dataset.realtimeStatus !== "connected") location.reload();
    this.#say(answer.said, answer.ask);
  }

  #say(sentence, ask = "") {
    const part = (name) => this.#notice.querySelector(name);
    part("[data-undo-text]").textContent = sentence;
    part("[data-undo]").hidden = !this.#stack.toUndo;
    part("[data-redo]").hidden = !this.#stack.toRedo;
    part("[data-undo-ask]").hidden = !ask;
    part("[data-undo-ask]").href = ask;
    this.#notice.hidden = false;
    window.dispatchEvent(new CustomEvent("live:said", { detail: { sentence } }));
  }
}

/** What was done and can be undone, and what was undone and can be done again: the latest last. */
class Stack {
  #key;
  #done = [];
  #undone = [];

  constructor(key) {
    this.#key = key;
    try {
      const { done, undone } = JSON.parse(sessionStorage.getItem(key));
      this.#done = done;
      this.#undone = undone;
    } catch {
      // Nothing was done yet, or storage is forbidden: then it lasts as long as the page.
    }
  }

  get toUndo() {
    return this.#done.at(-1);
  }

  get toRedo() {
    return this.#undone.at(-1);
  }

  /** A new action; after it, what was undone before can't be done again in order. */
  add(action) {
    if (this.#done.includes(action) || this.#undone.includes(action)) return;
    if (action.startsWith(REDOES)) this.#undone.push(action);
    else {
      this.#done.push(action);
      this.#undone = [];
    }
    this.#keep();
  }

  /** One action has been undone by another; what undid only a part of some action is something done. */
  swap(undone, by) {
    if (!undone) this.#undone = [];
    const isRedo = !undone || this.#undone.includes(undone);
    this.drop(undone);
    (isRedo ? this.#done : this.#undone).push(by);
    this.#keep();
  }

  drop(action) {
    this.#done = this.#done.filter((other) => other !== action);
    this.#undone = this.#undone.filter((other) => other !== action);
    this.#keep();
  }

  #keep() {
    this.#done = this.#done.slice(-MOST);
    this.#undone = this.#undone.slice(-MOST);
    try {
      sessionStorage.setItem(this.#key, JSON.stringify({ done: this.#done, undone: this.#undone }));
    } catch {
      // As above.
    }
  }
}
