// Nothing moves under somebody's hands: whether a list is in use, and when that ends.

// After the pointer has left, the eye may still be on the row.
const POINTER_LINGERS_MS = 2_000;

export class Stillness extends EventTarget {
  #root;
  #rows;
  #pointerUntil = -Infinity;
  #timer;

  /** Dispatches "rest" whenever the list may have come to rest. */
  constructor(root) {
    super();
    this.#root = root;
    this.#rows = root.querySelector("[data-live-rows]");
    const look = () => this.#look();
    this.#rows.addEventListener("pointerenter", (event) => this.#pointer(event, Infinity));
    this.#rows.addEventListener("pointermove", (event) => this.#pointer(event, Infinity));
    this.#rows.addEventListener("pointerleave", (event) =>
      this.#pointer(event, performance.now() + POINTER_LINGERS_MS),
    );
    // The browser moves the focus only after this event.
    this.#rows.addEventListener("focusout", () => setTimeout(look));
    this.#rows.addEventListener("change", look);
    this.#rows.addEventListener("toggle", look, true);
    document.addEventListener("selectionchange", look);
    document.addEventListener("scroll", look, { passive: true });
  }

  /** Whether something of the list is pointed at, focused, selected, open or scrolled away from. */
  get inUse() {
    return (
      performance.now() < this.#pointerUntil ||
      this.#rows.contains(document.activeElement) ||
      this.#rows.querySelector("input[data-select]:checked, details[open], [aria-expanded=true], [draggable=true]") !== null ||
      this.#holdsSelection() ||
      this.#isScrolled()
    );
  }

  #pointer(event, until) {
    // A finger points at nothing once it is lifted.
    if (event.pointerType === "touch") return;
    this.#pointerUntil = until;
    this.#look();
  }

  #look() {
    clearTimeout(this.#timer);
    const left = this.#pointerUntil - performance.now();
    if (left > 0 && left < Infinity) this.#timer = setTimeout(() => this.#look(), left);
    if (!this.inUse) this.dispatchEvent(new Event("rest"));
  }

  #holdsSelection() {
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && this.#rows.contains(selection.anchorNode));
  }

  #isScrolled() {
    const first = this.#rows.firstElementChild;
    if (!first) return false;
    const header = document.querySelector("[data-sticky-header]")?.getBoundingClientRect().bottom ?? 0;
    return first.getBoundingClientRect().top < Math.max(0, header);
  }
}
