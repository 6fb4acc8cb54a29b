import { outbox } from "../outbox/outbox.js";

const WORDS = { waiting: "waits to be sent", held: "being changed", failed: "not saved", conflict: "asks which to keep", sending: "being sent" };

/** What a state is called, in the list of what waits, too. */
export function stateOf({ key, state }) {
  return outbox.sending.has(key) ? "sending" : state;
}

export function wordsOf(state) {
  return WORDS[state];
}

/**
 * What this browser has written to the record [data-record="<table>/<key>"] and not sent yet. The server paints it empty,
 * so a row that was patched equals a reloaded one; it fills itself from the outbox, after a load, too.
 */
export class WriteMark extends HTMLElement {
  static observedAttributes = ["data-record"];
  #shown = "";

  connectedCallback() {
    outbox.addEventListener("change", this);
    this.#show();
  }

  disconnectedCallback() {
    outbox.removeEventListener("change", this);
  }

  // Without it a row that moves would lose and fill it.
  connectedMoveCallback() {}

  attributeChangedCallback() {
    if (this.isConnected) this.#show();
  }

  handleEvent() {
    this.#show();
  }

  #show() {
    const states = outbox.writes.filter(({ record }) => record === this.dataset.record).map(stateOf);
    const now = states.join();
    if (now === this.#shown) return;
    this.#shown = now;
    const worst = ["conflict", "failed", "held", "sending", "waiting"].find((state) => states.includes(state));
    if (!worst) return this.replaceChildren();
    const button = document.createElement("button");
    button.type = "button";
    button.className = "write-mark__open";
    button.dataset.outboxOpen = "";
    button.dataset.state = worst;
    button.textContent = states.length > 1 ? `${states.length} changes: ${wordsOf(worst)}` : `Change ${wordsOf(worst)}`;
    this.replaceChildren(button);
  }
}

if (customElements.get("write-mark") === undefined) customElements.define("write-mark", WriteMark);
