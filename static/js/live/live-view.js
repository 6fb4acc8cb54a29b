import { conceal } from "./conceal.js";
import { MismatchError } from "./live-patch.js";
import { together } from "./together.js";

// The server answers an attach after at most one re-read of the list; after this long the answer was lost.
const ANSWER_WITHIN_MS = 20_000;
// A difference that can't be applied twice in a row won't apply the third time either.
const MISMATCHES_UNTIL_RELOAD = 3;

// The page is touched at most this often; what comes in between is put together.
const PATCH_EVERY_MS = 100;

let lastId = 0;

/**
 * One live element of the page and its conversation with the server: say what is shown, get the difference, then follow
 * numbered patches. Any doubt has the same remedy: say again what is shown.
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
  // Why what is shown is out of date, while it is.
  #trouble = "";
  #revoked = false;
  #onChange;
  #held = [];
  #patchedAt = -Infinity;
  #release;

  constructor(root, socket, onChange = () => {}) {
    this.#root = root;
    this.#socket = socket;
    this.#onChange = onChange;
  }

  /** A sentence while this element is known to be out of date, otherwise empty. */
  get trouble() {
    return this.#trouble;
  }

  /** Whether it shows what a reload would: it follows its view, or the user may not see any of it. */
  get settled() {
    return this.#revoked || (this.#seq !== null && !this.#trouble && this.#held.length === 0);
  }

  get root() {
    return this.#root;
  }

  attach() {
    if (this.#revoked) return;
    if (this.#waiting) {
      this.#again = true;
      return;
    }
    this.#waiting = true;
    this.#again = false;
    this.#stopFollowing();
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
    this.#stopFollowing();
    this.#trouble = "";
    this.showState();
  }

  /**
   * "connected" promises that this element equals a reload: attached, in sequence, and live all the way behind the
   * server.
   */
  showState() {
    const live = this.#seq !== null && !this.#trouble && this.#socket.state.live;
    this.#wasLive ||= live;
    const state = live ? "connected" : this.#wasLive || this.#trouble ? "stale" : "connecting";
    if (this.#root.dataset.liveState !== state) this.#root.dataset.liveState = state;
    this.#onChange();
  }

  onAttached(frame) {
    if (!this.#waiting) return;
    clearTimeout(this.#answerTimer);
    this.#waiting = false;
    this.#trouble = "";
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
    this.#seq = frame.seq;
    this.#held.push(...frame.ops);
    if (this.#release !== undefined) return;
    const rest = this.#patchedAt + PATCH_EVERY_MS - performance.now();
    if (rest <= 0) return this.#patch();
    this.#release = setTimeout(() => this.#patch(), rest);
  }

  #patch() {
    const ops = together(this.#held);
    this.#held = [];
    this.#release = undefined;
    this.#patchedAt = performance.now();
    this.#apply(ops, "patch");
    this.#onChange();
  }

  /** The next difference is to what is on the page, so what waits is part of it. */
  #stopFollowing() {
    this.#seq = null;
    this.#held = [];
    clearTimeout(this.#release);
    this.#release = undefined;
  }

  resync() {
    this.#stopFollowing();
    this.showState();
    this.attach();
  }

  /** The server can't read it for now and keeps trying: it answers a waiting attach when it can. */
  onFailed({ reason }) {
    clearTimeout(this.#answerTimer);
    this.#trouble = reason;
    this.showState();
  }

  onHealed() {
    this.#trouble = "";
    this.showState();
  }

  /** Nothing more comes for this element; what it shows stays, and its state says so. */
  end(reason) {
    this.#wasLive = true;
    this.lost();
    this.key = null;
    this.#trouble = reason;
    this.showState();
  }

  /** What the user may no longer see leaves the screen; a reload wouldn't show it either. */
  revoke() {
    this.#revoked = true;
    this.end("");
    conceal(this.#root);
  }

  /** Applies what was held back so far, in another way than what comes. */
  applyAll(ops, apply) {
    return this.#apply(ops, "patch", apply);
  }

  #apply(ops, source, apply = (all) => this.apply(all)) {
    try {
      const changed = apply(ops);
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
    const reason = "This part of the page can no longer be kept up to date.";
    this.end(reason);
    this.#root.dispatchEvent(new CustomEvent("live:notice", { bubbles: true, detail: { reason, reload: true } }));
  }

  #tell(detail) {
    this.#root.dispatchEvent(new CustomEvent("live:patched", { bubbles: true, detail }));
  }
}
