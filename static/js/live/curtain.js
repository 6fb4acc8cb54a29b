import { root } from "../root.js";
import { conceal } from "./conceal.js";

const PANELS = {
  "signed-out": {
    title: "You are signed out",
    text: "What this page showed comes back when you sign in again. What you typed is kept.",
    // In a new tab, like the banner's own link: this page is kept.
    action: () => button("Sign in", () => document.querySelector("[data-banner-sign-in]")?.click()),
  },
  another: {
    title: "Somebody else has signed in",
    text: "This page belonged to the person who was signed in before. Load it to see it with your own account.",
    action: () => button("Load this page", () => location.reload()),
  },
  revoked: {
    title: "You may not see this any more",
    text: "Somebody changed what your account may see. What you typed stays here, so you can copy it.",
    action: () => button("Go to the dashboard", () => location.assign(root)),
  },
};

/**
 * Takes the records off the page while nobody, or somebody else, is signed in, and while a page from the back/forward
 * cache hasn't asked yet who is. Unsent text stays on the screen; for another person nothing does.
 */
export class Curtain {
  #main;
  #parts;
  #panel;
  #restore = null;
  #reason = "";
  #title = "";
  #place = null;

  constructor(page) {
    this.#main = page.querySelector("[data-page]");
    this.#parts = [...page.querySelectorAll("[data-personal]")];
    this.#panel = page.querySelector("[data-curtain]");
  }

  get lowered() {
    return this.#reason !== "";
  }

  /** `reason` names one of the panels, or is "returning", which shows none. */
  lower(reason) {
    if (reason === this.#reason || this.#ended) return;
    if (!this.lowered) this.#takeAway();
    this.#reason = reason;
    if (reason === "another") this.#forget();
    this.#showPanel();
  }

  /** Only a load of the page brings back what isn't this person's, or may not be seen any more. */
  get #ended() {
    return this.#reason === "another" || this.#reason === "revoked";
  }

  /** The same person is back: everything returns as it was, and catches up by itself. */
  raise() {
    if (!this.#restore || this.#ended) return;
    this.#restore();
    this.#restore = null;
    this.#reason = "";
    this.#showPanel();
    document.title = this.#title;
    const { focused, top } = this.#place;
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    scrollTo({ top, behavior: "instant" });
  }

  #takeAway() {
    this.#title = document.title;
    this.#place = { focused: document.activeElement, top: scrollY };
    const restores = [this.#main, ...this.#parts].filter(Boolean).map(conceal);
    this.#restore = () => restores.forEach((restore) => restore());
    document.title = "Livedesk";
  }

  /** Another person's records and words: nothing that happens later may bring them back. */
  #forget() {
    this.#restore = null;
    this.#main?.replaceChildren();
  }

  #showPanel() {
    const panel = PANELS[this.#reason];
    this.#panel?.replaceChildren(...(panel ? [built(panel)] : []));
  }
}

function built({ title, text, action }) {
  const section = document.createElement("section");
  section.className = "card empty curtain";
  const heading = document.createElement("h1");
  heading.className = "empty__title";
  heading.textContent = title;
  const words = document.createElement("p");
  words.className = "empty__text";
  words.textContent = text;
  section.append(heading, words, action());
  return section;
}

function button(word, act) {
  const element = document.createElement("button");
  element.className = "button button--primary";
  element.type = "button";
  element.textContent = word;
  element.addEventListener("click", act);
  return element;
}
