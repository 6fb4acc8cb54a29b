import { names } from "../live/presence-words.js";
import { presence } from "../live/presence.js";

/** Before a reply is sent: asks once when somebody else writes one, too, or has sent one since this one was begun. */
export function startReplyQuestion() {
  const form = document.querySelector("form[data-doing=writing][data-record]");
  if (form) new ReplyQuestion(form).start();
}

class ReplyQuestion {
  #form;
  // What was there when this reply was begun, and what the question has told already.
  #known = new Set();
  #told = new Set();
  #panel = null;

  constructor(form) {
    this.#form = form;
  }

  start() {
    this.#begin();
    // Before the form sends itself, and before its text is kept as sent.
    document.addEventListener("submit", (event) => event.target === this.#form && this.#onSubmit(event), true);
    this.#form.addEventListener("input", () => this.#text.value.length <= 1 && this.#begin());
    this.#form.addEventListener("reset", () => this.#begin());
  }

  get #text() {
    return this.#form.querySelector("textarea");
  }

  #begin() {
    this.#close();
    this.#told.clear();
    this.#known = new Set(replies().map(({ dataset }) => dataset.id));
  }

  #onSubmit(event) {
    const writers = presence.at(this.#form.dataset.record).people.filter(({ doing }) => doing === "writing");
    const own = this.#form.dataset.author;
    const sent = replies().filter(({ dataset }) => !this.#known.has(dataset.id) && dataset.author !== own);
    const reasons = [...writers.map(({ person }) => person), ...sent.map(({ dataset }) => dataset.id)];
    const isNews = reasons.some((reason) => !this.#told.has(reason));
    reasons.forEach((reason) => this.#told.add(reason));
    if (!isNews) {
      // The button that sends it must still be in the form while that is read.
      if (this.#panel) setTimeout(() => this.#keepWriting());
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    this.#ask(writers, sent.map(authorOf));
  }

  #ask(writers, authors) {
    this.#close();
    const sentence = document.createElement("p");
    sentence.id = "reply-question";
    if (authors.length) sentence.append(...names(distinct(authors)), authors.length > 1 ? " have replied" : " has replied", " since you began. ");
    if (writers.length) sentence.append(...names(writers), writers.length > 1 ? " are" : " is", " writing a reply, too. ");
    sentence.append("Send anyway?");
    this.#panel = document.createElement("div");
    this.#panel.className = "alert reply-question";
    this.#panel.dataset.kind = "warning";
    this.#panel.setAttribute("role", "group");
    this.#panel.setAttribute("aria-labelledby", sentence.id);
    const send = button("Send anyway", "button button--small button--primary", "submit");
    const back = button("Keep writing", "button button--small", "button");
    back.addEventListener("click", () => this.#keepWriting());
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#keepWriting();
      // Whoever still holds down the keys that sent it hasn't answered.
      if (event.repeat) event.preventDefault();
    });
    const actions = document.createElement("div");
    actions.className = "actions";
    actions.append(send, back);
    this.#panel.append(sentence, actions);
    this.#form.querySelector(".composer__foot").before(this.#panel);
    send.focus();
  }

  #keepWriting() {
    this.#close();
    this.#text.focus();
  }

  #close() {
    this.#panel?.remove();
    this.#panel = null;
  }
}

function replies() {
  return [...document.querySelectorAll(".conversation .comment[data-live-row]")];
}

function authorOf(reply) {
  return { name: reply.querySelector(".comment__author").textContent.trim() };
}

function distinct(authors) {
  return [...new Map(authors.map((author) => [author.name, author])).values()];
}

function button(word, className, type) {
  const element = document.createElement("button");
  element.type = type;
  element.className = className;
  element.textContent = word;
  return element;
}
