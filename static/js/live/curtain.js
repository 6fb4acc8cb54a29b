import { conceal } from "./conceal.js";

/**
 * Takes the records off the page while nobody, or somebody else, is signed in, and while a page that comes back from the
 * browser's memory hasn't asked who is. What was typed and not sent stays on the screen; for another person nothing does.
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
    this.#panel?.addEventListener("click", ({ target }) => target.closest("[data-curtain-reload]") && location.reload());
  }

  get lowered() {
    return this.#reason !== "";
  }

  /** `reason` names one of the panels of `_curtain.html`, or is "returning", which says nothing. */
  lower(reason) {
    if (reason === this.#reason || this.#ended) return;
    if (!this.lowered) this.#takeAway();
    this.#reason = reason;
    if (reason === "another") this.#forget();
    this.#showPanel();
  }

  /** Nothing but a load of the page brings back what isn't this person's, or may not be seen any more. */
  get #ended() {
    return this.#reason === "another" || this.#reason === "revoked";
  }

  /** The same person is there: everything comes back as it was, and catches up by itself. */
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

  /** Another person's records and words: a later turn of the page must not bring them back. */
  #forget() {
    this.#restore = null;
    this.#main?.replaceChildren();
  }

  #showPanel() {
    const panel = document.querySelector(`template[data-curtain-panel="${this.#reason}"]`);
    this.#panel?.replaceChildren(...(panel ? [panel.content.cloneNode(true)] : []));
  }
}
