import { freshness } from "../live/freshness.js";

export const WORDS = {
  connected: "Connected",
  connecting: "Connecting",
  reconnecting: "Reconnecting",
  disconnected: "Disconnected",
  error: "Error",
};

/** The dot in the header. The word and the shape say the same as the colour. */
export class RealtimeStatusIndicator extends HTMLElement {
  connectedCallback() {
    window.addEventListener("live:status", this);
    this.#show({ status: document.documentElement.dataset.realtimeStatus });
  }

  disconnectedCallback() {
    window.removeEventListener("live:status", this);
  }

  handleEvent(event) {
    this.#show(event.detail);
  }

  #show(state) {
    if (!(state.status in WORDS)) return;
    this.dataset.status = state.status;
    this.querySelector("[data-status-word]").textContent = WORDS[state.status];
    this.title = freshness(state);
  }
}

if (customElements.get("realtime-status-indicator") === undefined) {
  customElements.define("realtime-status-indicator", RealtimeStatusIndicator);
}
