const SHOWN_FOR_MS = 6_000;

/**
 * "Just updated", or by whom and what, in a row that changed while the user was watching. At rest it is exactly what the server rendered,
 * hidden and empty, so a patched row equals a reloaded one.
 */
export class LiveUpdateIndicator extends HTMLElement {
  #timer;

  disconnectedCallback() {
    // A moved row is disconnected and reconnected within one task; only a removed one should forget.
    queueMicrotask(() => this.isConnected || clearTimeout(this.#timer));
  }

  // Kept empty on purpose: without it a move would count as leaving and entering.
  connectedMoveCallback() {}

  show(words = "Just updated") {
    clearTimeout(this.#timer);
    this.textContent = words;
    this.hidden = false;
    this.#timer = setTimeout(() => this.hide(), SHOWN_FOR_MS);
  }

  hide() {
    clearTimeout(this.#timer);
    this.textContent = "";
    this.hidden = true;
  }
}

function wordsFor(by) {
  return [by?.name, by?.did].filter(Boolean).join(": ") || undefined;
}

if (customElements.get("live-update-indicator") === undefined) {
  customElements.define("live-update-indicator", LiveUpdateIndicator);

  // What was caught up after a gap changed some time ago: "just" would be a lie, so only patches count.
  window.addEventListener("live:patched", ({ detail }) => {
    if (detail.source !== "patch" || document.documentElement.dataset.realtimeStatus !== "connected") return;
    for (const element of detail.updated) {
      const by = detail.by.get(element);
      // Nobody needs to be told what they have just done.
      if (by?.person && by.person === document.documentElement.dataset.person) continue;
      element.querySelectorAll("live-update-indicator").forEach((indicator) => indicator.show(wordsFor(by)));
    }
  });

  window.addEventListener("live:status", ({ detail }) => {
    if (detail.status === "connected") return;
    document.querySelectorAll("live-update-indicator:not([hidden])").forEach((indicator) => indicator.hide());
  });
}
