// The list of what this person has written and the server hasn't got yet: one dialog, which its button in the header and
// the mark at each record open.
import { stateOf, wordsOf } from "../elements/write-mark.js";
import { locale, timeZone } from "../reader.js";
import { outbox } from "./outbox.js";
import { resume, settle } from "./resuming.js";

export function startOutboxList(page) {
  const dialog = page.getElementById("outbox");
  if (dialog) new OutboxList(page, dialog, page.querySelector("[data-outbox-button]")).start();
}

class OutboxList {
  #page;
  #dialog;
  #button;
  // The key of what somebody is asked about before it goes.
  #dropping = "";

  constructor(page, dialog, button) {
    this.#page = page;
    this.#dialog = dialog;
    this.#button = button;
  }

  start() {
    outbox.addEventListener("change", () => this.#show());
    this.#page.addEventListener("click", (event) => this.#onOpen(event));
    this.#dialog.addEventListener("click", ({ target }) => this.#onClick(target));
    this.#dialog.addEventListener("close", () => (this.#dropping = ""));
    this.#show();
  }

  #onOpen(event) {
    if (!event.target.closest?.("[data-outbox-open]")) return;
    event.preventDefault();
    this.#show();
    this.#dialog.showModal();
  }

  #onClick(target) {
    if (target === this.#dialog || target.closest("[data-outbox-close]")) return this.#dialog.close();
    if (target.closest("[data-outbox-retry-all]")) return outbox.drain();
    const button = target.closest("button[data-act]");
    const write = button && outbox.writes.find(({ key }) => key === button.closest("[data-key]").dataset.key);
    if (write) this.#act(button.dataset.act, write);
  }

  #act(act, write) {
    if (act === "open") return resume(write);
    if (act === "settle") return settle(write);
    if (act === "retry") return outbox.retry(write.key);
    if (act === "drop") return outbox.drop(write.key);
    this.#dropping = act === "ask" ? write.key : "";
    this.#show();
  }

  #show() {
    const { writes } = outbox;
    const troubled = writes.some(({ state }) => state !== "waiting");
    this.#button.hidden = writes.length === 0;
    this.#button.dataset.state = troubled ? "failed" : "waiting";
    this.#button.querySelector("[data-outbox-count]").textContent = writes.length;
    this.#button.querySelector("[data-outbox-words]").textContent = `${writes.length === 1 ? "1 change isn’t" : `${writes.length} changes aren’t`} saved yet`;
    this.#dialog.querySelector("[data-outbox-none]").hidden = writes.length > 0;
    this.#dialog.querySelector("[data-outbox-retry-all]").hidden = !writes.some(({ state }) => state === "waiting");
    this.#dialog.querySelector("[data-outbox-signed-out]").hidden = !outbox.signedOut;
    this.#dialog.querySelector("[data-outbox-writes]").replaceChildren(...writes.map((write) => this.#entry(write)));
  }

  #entry(write) {
    const state = stateOf(write);
    const item = element("li", "outbox__write");
    item.dataset.key = write.key;
    item.dataset.state = state;
    const title = element("p", "outbox__title", write.title);
    title.dir = "auto";
    const word = element("span", "outbox__state", wordsOf(state));
    const time = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone }).format(write.at);
    const line = element("p", "outbox__line", "");
    line.append(word, ` · written ${time}`);
    item.append(title, line);
    if (write.said) item.append(element("p", "outbox__said", write.said));
    item.append(this.#tools(write, state));
    return item;
  }

  #tools(write, state) {
    const tools = element("div", "outbox__tools");
    if (this.#dropping === write.key) {
      tools.append(element("span", "", "It is lost then."), act("drop", "Drop it", write), act("keep", "Keep it", write));
    } else if (state !== "sending") {
      if (state === "conflict") tools.append(act("settle", "Compare and choose", write));
      else tools.append(act("retry", "Try again", write));
      tools.append(act("open", write.typed ? "Edit" : "Open", write), act("ask", "Drop", write));
    }
    return tools;
  }
}

function act(name, word, { title }) {
  const button = element("button", "button button--small", word);
  button.type = "button";
  button.dataset.act = name;
  button.setAttribute("aria-label", `${word}: ${title}`);
  return button;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
