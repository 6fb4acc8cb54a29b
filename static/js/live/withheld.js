// What a list doesn't show yet, because somebody is using it: changes of order, and rows that come or go.

// Beyond this, asking the server for the difference is cheaper than keeping its parts.
const LIMIT = 500;

export class Withheld {
  #ops = [];
  // What waits, by row: "new", "moved", "changed" or "gone".
  #rows = new Map();
  // Rows whose content waits: whatever comes for them later waits behind it, or the older would come last.
  #contents = new Set();

  get size() {
    return this.overflown ? Math.max(1, this.#rows.size) : this.#rows.size;
  }

  /** Whether there is so much that it was thrown away: only the server knows what to show then. */
  get overflown() {
    return this.#ops === null;
  }

  get words() {
    const counts = { new: 0, moved: 0, changed: 0, gone: 0 };
    for (const kind of this.#rows.values()) counts[kind] += 1;
    const told = Object.entries(counts).filter(([, count]) => count > 0);
    return told.length === 0 ? "changes" : told.map(([kind, count]) => `${count} ${kind}`).join(", ");
  }

  /**
   * Keeps what would move something, or with `all` everything; returns what can be shown at once. `has` says whether a
   * row is on the page.
   */
  sift(ops, has, { all = false } = {}) {
    const now = [];
    for (const op of ops) {
      if (all) this.#keep(op, has);
      else if (op.op === "count" || (op.op === "put" && !("after" in op) && this.#isShown(op.id, has))) now.push(op);
      else if (op.op === "put" && "after" in op && this.#isShown(op.id, has)) {
        // Its content may change where it is.
        const { after, ...content } = op;
        now.push(content);
        this.#keep({ op: "move", id: op.id, after }, has);
      } else this.#keep(op, has);
    }
    // Without rows that wait, nothing is left that could move one: the pager, or a row that came and went.
    return this.size === 0 ? [...now, ...this.take()] : now;
  }

  /** What is to be applied now; nothing is withheld any more. */
  take() {
    const ops = this.#ops ?? [];
    this.#ops = [];
    this.#rows.clear();
    this.#contents.clear();
    return ops;
  }

  /** Whether a row that is still on the page has gone. */
  isGone(id) {
    return this.#rows.get(id) === "gone";
  }

  #isShown(id, has) {
    return has(id) && this.#rows.get(id) !== "gone" && !this.#contents.has(id);
  }

  #keep(op, has) {
    if (this.#ops !== null) this.#ops.push(op);
    if (this.#ops?.length > LIMIT) this.#ops = null;
    if (!("id" in op)) return;
    if (op.op === "put") this.#contents.add(op.id);
    if (op.op === "remove") {
      if (has(op.id)) this.#rows.set(op.id, "gone");
      else this.#rows.delete(op.id);
    } else if ("after" in op) this.#rows.set(op.id, has(op.id) ? "moved" : "new");
    else if (!this.#rows.has(op.id)) this.#rows.set(op.id, "changed");
  }
}
