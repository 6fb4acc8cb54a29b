// Attaching takes an instant; after this long a list is behind, whatever the socket says.
const SETTLE_WITHIN_MS = 1_000;

/**
 * What the dot and the banner say: about the page, not about its socket alone. It is "connected" only while each of its
 * lists and regions equals a reload.
 */
export class PageState {
  #views;
  #tell;
  #state = null;
  #settledOnce = false;
  #unsettledSince = null;
  #timer;
  #told = "";

  constructor(views, tell) {
    this.#views = views;
    this.#tell = tell;
  }

  socketChanged(state) {
    this.#state = state;
    this.viewsChanged();
  }

  viewsChanged() {
    if (!this.#state) return;
    const detail = { ...this.#state, ...this.#change() };
    const same = JSON.stringify(detail);
    if (same === this.#told) return;
    this.#told = same;
    this.#tell(detail);
  }

  #change() {
    clearTimeout(this.#timer);
    if (this.#state.status !== "connected") {
      this.#unsettledSince = null;
      return {};
    }
    const trouble = this.#views.trouble;
    if (trouble) return { status: "reconnecting", reason: trouble };
    if (this.#views.settled) {
      this.#settledOnce = true;
      this.#unsettledSince = null;
      return {};
    }
    return this.#unsettled();
  }

  #unsettled() {
    if (!this.#settledOnce) return { status: "connecting", reason: "Catching up with what changed." };
    this.#unsettledSince ??= performance.now();
    const left = this.#unsettledSince + SETTLE_WITHIN_MS - performance.now();
    if (left <= 0) return { status: "reconnecting", reason: "Catching up with what changed." };
    this.#timer = setTimeout(() => this.viewsChanged(), left);
    return {};
  }
}
