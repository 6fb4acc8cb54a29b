/**
 * A quiet pill for news about the page itself: a new version, a revoked right. It offers a reload but never does it.
 */
export class LiveNotice extends HTMLElement {
  connectedCallback() {
    window.addEventListener("live:notice", this);
    window.addEventListener("live:status", this);
    this.addEventListener("click", this);
  }

  disconnectedCallback() {
    window.removeEventListener("live:notice", this);
    window.removeEventListener("live:status", this);
    this.removeEventListener("click", this);
  }

  handleEvent(event) {
    if (event.type === "click") this.#onClick(event);
    else if (event.type === "live:notice" || event.detail.reload) this.#show(event.detail);
  }

  #onClick({ target }) {
    if (target.closest("[data-notice-reload]")) location.reload();
    if (target.closest("[data-notice-close]")) this.hidden = true;
  }

  #show({ reason, reload }) {
    this.querySelector("[data-notice-text]").textContent = reason;
    this.querySelector("[data-notice-reload]").hidden = !reload;
    this.hidden = false;
  }
}

if (customElements.get("live-notice") === undefined) customElements.define("live-notice", LiveNotice);
