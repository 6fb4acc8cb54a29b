import { locale, timeZone } from "../reader.js";
import { WORDS } from "./realtime-status-indicator.js";

// Half a second: a page that just opened, or a network that blinked, is not worth a banner.
const GRACE_MS = 500;

/** Says why the page is not live, how old its data is, and what the user can do. */
export class RealtimeConnectionBanner extends HTMLElement {
  #state = null;
  #timer = null;

  connectedCallback() {
    window.addEventListener("live:status", this);
    this.addEventListener("click", this);
    // A page that was kept, because the server can't be reached: true from the first moment on.
    if (document.documentElement.dataset.asOf) this.#onStatus({ status: "disconnected" });
  }

  disconnectedCallback() {
    window.removeEventListener("live:status", this);
    this.removeEventListener("click", this);
    this.#cancel();
  }

  handleEvent(event) {
    if (event.type === "click") this.#onClick(event);
    else this.#onStatus(event.detail);
  }

  #onClick({ target }) {
    if (!target.closest("[data-banner-reconnect]")) return;
    this.dispatchEvent(new CustomEvent("live:reconnect", { bubbles: true }));
  }

  #onStatus(state) {
    this.#state = state;
    // The server is there: what the page shows comes from it, or is called old by the state itself.
    if (state.connected) delete document.documentElement.dataset.asOf;
    if (state.status === "connected") {
      this.#cancel();
      this.hidden = true;
    } else if (!this.hidden || document.documentElement.dataset.asOf) {
      this.#show();
    } else {
      this.#timer ??= setTimeout(() => this.#show(), GRACE_MS);
    }
  }

  #show() {
    this.#cancel();
    const { status, reason, live, freshAt, connected, signIn } = this.#state;
    const { asOf } = document.documentElement.dataset;
    this.dataset.status = status;
    this.#part("word").textContent = asOf ? "Offline." : WORDS[status];
    this.#part("reason").textContent = asOf ? `As of ${clock(asOf, "short")}.` : reason;
    this.#part("fresh").textContent = asOf || live || !freshAt ? "" : `Data as of ${clock(freshAt)}.`;
    this.#part("sign-in").hidden = !signIn;
    // While the socket is open the trouble is behind the server: a new socket would change nothing.
    this.#part("reconnect").hidden = connected;
    this.hidden = false;
  }

  #part(name) {
    return this.querySelector(`[data-banner-${name}]`);
  }

  #cancel() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** The time; of another day, the day too. */
function clock(iso, timeStyle = "medium") {
  const told = new Date(iso);
  const day = (date) => new Intl.DateTimeFormat("en", { dateStyle: "short", timeZone }).format(date);
  const dateStyle = day(told) === day(new Date()) ? undefined : "medium";
  return new Intl.DateTimeFormat(locale, { dateStyle, timeStyle, timeZone }).format(told);
}

if (customElements.get("realtime-connection-banner") === undefined) {
  customElements.define("realtime-connection-banner", RealtimeConnectionBanner);
}
