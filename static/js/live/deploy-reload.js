import { isPrecious } from "./precious.js";

// A minute without a hand on the page: whoever reads it that long without scrolling has left or loses nothing.
const IDLE_MS = 60_000;
// Five hundred pages learn of a deploy in the same second; they must not all load again in one.
const SPREAD_MS = 20_000;
const KEY = "livedesk-builds";
// A tab that lives through more deploys than this forgets the first ones.
const KEPT_BUILDS = 20;
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchmove", "scroll", "input"];
// A reload would ask to send the form again; and what stands in it is nobody's change, only the answer's default.
const POSTED = "html[data-posted]";
// A menu or dialog in use, an upload under way; and a record that is gone: its page can only be lost by loading it again.
const IN_USE = "details[data-menu][open], dialog[open], [data-sending], [data-gone]";
const TEXT_CONTROLS = "input, textarea, select, [contenteditable]";

/** Whether a load of this page would show a page, not an error or a form to sign in. */
async function pageAnswers() {
  try {
    const answer = await fetch(location.href, { redirect: "error", cache: "no-store" });
    answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/**
 * Takes the reload that a page of an older build is offered, by itself, when nothing would be lost and nobody looks.
 * Never in a loop: during a rolling deploy two builds answer in turn, so once per build and tab.
 */
export class DeployReload {
  #connected;
  #reload;
  #answers;
  #storage;
  #random;
  #idle;
  #spread;
  #news = null;
  #lastInput = 0;
  #leftAt = -Infinity;
  #timer;

  constructor({
    connected = () => true,
    reload = () => location.reload(),
    answers = pageAnswers,
    // Asked for late: where storage is forbidden, naming it already throws.
    storage = () => sessionStorage,
    random = Math.random,
    idle = IDLE_MS,
    spread = SPREAD_MS,
  } = {}) {
    this.#connected = connected;
    this.#reload = reload;
    this.#answers = answers;
    this.#storage = storage;
    this.#random = random;
    this.#idle = idle;
    this.#spread = spread;
  }

  start() {
    this.#touched();
    for (const type of INPUTS) {
      window.addEventListener(type, () => this.#touched(), { capture: true, passive: true });
    }
    // A link followed or a form sent, and no answer yet: a reload would cut it off on its way.
    window.addEventListener("beforeunload", () => (this.#leftAt = Date.now()));
    document.addEventListener("visibilitychange", () => this.#onVisibility());
  }

  offer({ build, own }) {
    this.#news = { build, own };
    this.#checkIn(this.#untilIdle());
  }

  /** The server that answers now is of this page's own build: there is nothing to load. */
  withdraw() {
    this.#news = null;
    clearTimeout(this.#timer);
  }

  #touched() {
    this.#lastInput = Date.now();
  }

  #onVisibility() {
    // Looking at a page is using it.
    this.#touched();
    if (this.#news) this.#checkIn(this.#untilIdle());
  }

  #untilIdle() {
    if (document.visibilityState === "hidden") return 0;
    return Math.max(0, this.#lastInput + this.#idle - Date.now());
  }

  #checkIn(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), wait + this.#random() * this.#spread);
  }

  async #check() {
    if (this.#untilIdle() > 0) return this.#checkIn(this.#untilIdle());
    if (this.#isInUse()) return this.#checkIn(this.#idle);
    // An error page in its place would stay: nothing on it follows the server.
    if (!(await this.#answers())) return this.#checkIn(this.#idle);
    if (this.#news && this.#untilIdle() === 0 && !this.#isInUse() && this.#remember()) this.#reload();
  }

  #isInUse() {
    // Without a connection the server may be on its way down, and a reload would end in the browser's error page.
    if (!this.#connected()) return true;
    // A download leaves the page where it is, so leaving is believed for a while only.
    if (Date.now() - this.#leftAt < this.#idle) return true;
    if (document.querySelector(`${POSTED}, ${IN_USE}`) || isPrecious(document.body)) return true;
    return document.activeElement?.matches(TEXT_CONTROLS) ?? false;
  }

  /** False when this build was loaded already, and when that can't be remembered: then a loop can't be ruled out. */
  #remember() {
    try {
      const storage = this.#storage();
      const { build, own } = this.#news;
      const builds = JSON.parse(storage.getItem(KEY) ?? "[]");
      if (builds.includes(build)) return false;
      // The own one too: a web process that isn't replaced yet must not call the page back.
      storage.setItem(KEY, JSON.stringify([...new Set([...builds, own, build])].slice(-KEPT_BUILDS)));
      return true;
    } catch {
      return false;
    }
  }
}
