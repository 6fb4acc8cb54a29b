import { MismatchError } from "./live-patch.js";
import { isPrecious } from "./precious.js";

// The server answers an attach after at most one re-read of the list; beyond this the answer was lost.
const ANSWER_WITHIN_MS = 20_000;
// A difference that can't be applied twice running will not apply the third time either.
const MISMATCHES_UNTIL_RELOAD = 3;

let lastId = 0;

/**
 * One live element of the page and its conversation with the server: say what is shown, get the difference, then follow
 * numbered patches. Every doubt ends in the same place: say again what is shown.
 *
 * At most one attach is under way at a time, because a difference is only good for the state it was computed from.
 */
export class LiveView {
  id = ++lastId;
  key = null;
  #root;
  #socket;
  #seq = null;
  #waiting = false;
  #again = false;
  #wasLive = false;
  #mismatches = 0;
  #answerTimer;

  constructor(root, socket) {
    this.#root = root;
    this.#socket = socket;
  }

  get root() {
    return this.#root;
  }

  attach() {
    if (this.#waiting) {
      this.#again = true;
      return;
    }
    this.#waiting = true;
    this.#again = false;
    this.#seq = null;
    this.#answerTimer = setTimeout(() => this.#socket.restart(), ANSWER_WITHIN_MS);
    this.#socket.send({ type: "attach", id: this.id, token: this.token, ...this.shown() });
  }

  detach() {
    this.#socket.send({ type: "detach", id: this.id });
    this.lost();
    this.key = null;
  }

  lost() {
    clearTimeout(this.#answerTimer);
    this.#waiting = false;
    this.#again = false;
    this.#seq = null;
    this.showState();
  }

  /** "connected" promises that this element equals a reload: attached, in step, and the way behind the server is live. */
  showState() {
    const live = this.#seq !== null && this.#socket.state.live;
    this.#wasLive ||= live;
    this.#root.dataset.liveState = live ? "connected" : this.#wasLive ? "stale" : "connecting";
  }

  onAttached(frame) {
    if (!this.#waiting) return;
    clearTimeout(this.#answerTimer);
    this.#waiting = false;
    this.key = frame.view;
    if (!this.#apply(frame.ops, "attached")) return;
    if (this.#again) return this.attach();
    this.#mismatches = 0;
    this.#seq = frame.seq;
    this.showState();
  }

  onPatch(frame) {
    if (this.#seq === null || frame.seq <= this.#seq) return;
    if (frame.seq !== this.#seq + 1) return this.resync();
    if (!this.#apply(frame.ops, "patch")) return;
    this.#seq = frame.seq;
  }

  resync() {
    this.#seq = null;
    this.showState();
    this.attach();
  }

  /** Nothing more comes for this element; what it shows stays, and says so. */
  end() {
    this.#wasLive = true;
    this.lost();
    this.key = null;
  }

  /** What may not be seen any more doesn't stay on the screen; a reload wouldn't show it either. */
  revoke() {
    this.end();
    if (!isPrecious(this.#root)) this.#root.replaceChildren();
  }

  #apply(ops, source) {
    try {
      const changed = this.apply(ops);
      if (ops.length) this.#tell({ source, ops: ops.length, ...changed });
      return true;
    } catch (error) {
      if (!(error instanceof MismatchError)) throw error;
      this.#onMismatch();
      return false;
    }
  }

  #onMismatch() {
    this.#mismatches += 1;
    if (this.#mismatches < MISMATCHES_UNTIL_RELOAD) return this.resync();
    this.end();
    this.#root.dispatchEvent(new CustomEvent("live:notice", {
      bubbles: true,
      detail: { reason: "This part of the page can no longer be kept up to date.", reload: true },
    }));
  }

  #tell(detail) {
    this.#root.dispatchEvent(new CustomEvent("live:patched", { bubbles: true, detail }));
  }
}
