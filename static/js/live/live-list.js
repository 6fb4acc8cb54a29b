import { LiveView } from "./live-view.js";
import { patchList, rowsOf } from "./live-patch.js";
import { pace } from "./pace.js";
import { Stillness } from "./stillness.js";
import { Withheld } from "./withheld.js";

// A change made by hand comes back within an instant; later ones are somebody else's.
const OWN_FOR_MS = 10_000;

/**
 * A [data-live-list]: rows in order, the count, and named parts such as the pager.
 *
 * With [data-live-still], nothing moves while somebody uses it: such changes wait until it is at rest, or until its
 * [data-live-apply] is pressed. What its own reader has just changed (the window's event "live:own") comes at once.
 */
export class LiveList extends LiveView {
  #withheld = new Withheld();
  #stillness = null;
  #own = new Map();

  constructor(...args) {
    super(...args);
    if (!("liveStill" in this.root.dataset)) return;
    this.#stillness = new Stillness(this.root);
    this.#stillness.addEventListener("rest", () => this.#mayRelease());
    window.addEventListener("live:pace", () => this.#mayRelease());
    window.addEventListener("live:own", ({ detail }) => this.#own.set(detail.id, performance.now() + OWN_FOR_MS));
    this.root.querySelector("[data-live-apply]").addEventListener("click", () => this.#release());
  }

  get token() {
    return this.root.dataset.liveList;
  }

  shown() {
    // The difference will be to what is on the page; whatever was withheld is part of it.
    this.#withheld.take();
    this.#tellPending();
    const parts = this.root.querySelectorAll("[data-live-part]");
    return {
      rows: rowsOf(this.root).map((row) => [row.dataset.id, row.dataset.version]),
      count: this.root.querySelector("[data-live-count]")?.textContent ?? null,
      parts: Object.fromEntries([...parts].map((part) => [part.dataset.livePart, part.dataset.version])),
    };
  }

  apply(ops) {
    if (!this.#holds || this.#isOwn(ops)) {
      const changed = patchList(this.root, [...this.#withheld.take(), ...ops]);
      this.#tellPending();
      return changed;
    }
    const now = this.#withheld.sift(ops, (id) => this.#row(id) !== null, { all: pace() === "paused" });
    const changed = patchList(this.root, now);
    this.#tellPending();
    return changed;
  }

  #isOwn(ops) {
    return !this.#withheld.overflown && ops.some(({ id }) => performance.now() < (this.#own.get(id) ?? 0));
  }

  get #holds() {
    return this.#withheld.overflown || this.#isToHold;
  }

  get #isToHold() {
    if (this.#stillness === null) return false;
    return pace() !== "live" || this.root.dataset.liveStill === "page" || this.#stillness.inUse;
  }

  #mayRelease() {
    if (this.#withheld.size > 0 && !this.#isToHold) this.#release();
  }

  #release() {
    if (this.#withheld.overflown) return this.resync();
    const ops = this.#withheld.take();
    this.applyAll(ops, (all) => patchList(this.root, all));
    this.#tellPending();
  }

  #tellPending() {
    if (this.#stillness === null) return;
    for (const row of rowsOf(this.root)) row.toggleAttribute("data-live-gone", this.#withheld.isGone(row.dataset.id));
    const pending = this.root.querySelector("[data-live-pending]");
    pending.dataset.livePending = this.#withheld.size;
    pending.hidden = this.#withheld.size === 0;
    pending.querySelector("[data-live-apply]").textContent = `Show ${this.#withheld.words}`;
    this.root.dispatchEvent(new CustomEvent("live:pending", { bubbles: true, detail: { count: this.#withheld.size } }));
  }

  #row(id) {
    return this.root.querySelector(`[data-live-rows] > [data-id="${CSS.escape(id)}"]`);
  }
}
