import { own } from "../root.js";
import { isPrecious } from "./precious.js";

// A minute without input: somebody who reads that long without scrolling has left or loses nothing.
const IDLE_MS = 60_000;
// Five hundred pages learn of a deploy in the same second; they must not all load again in one.
const SPREAD_MS = 20_000;
const KEY = own("livedesk-builds");
// A tab that lives through more deploys than this forgets the first ones.
const KEPT_BUILDS = 20;
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchmove", "scroll", "input"];
// A reload would ask to send the form again; and its text looks untouched, because the server's answer holds it.
const POSTED = "html[data-posted]";
// A menu or dialog in use, an upload under way; or a record that is gone, whose page a reload can only lose.
const IN_USE = "details[data-menu][open], dialog[open], [data-sending], [data-gone]";
const TEXT_CONTROLS = "input, textarea, select, [contenteditable]";

/** Whether loading this page now would show a page, not an error or a sign-in form. */
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
 * Does by itself the reload that a page of an older build is offered, when nothing would be lost and nobody is looking.
 * Never in a loop: during a rolling deploy two builds answer in turn, so only once per build and tab.
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
    // Looked up late: where storage is forbidden, even naming it throws.
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
    // A link was followed or a form sent, without an answer yet: a reload would cut it off.
    window.addEventListener("beforeunload", () => (this.#leftAt = Date.now()));
    document.addEventListener("visibilitychange", () => this.#onVisibility());
  }

  offer({ build, own }) {
    this.#news = { build, own };
    this.#checkIn(this.#untilIdle());
  }

  /** The server that answers now has this page's own build: there is nothing to load. */
  withdraw() {
    this.#news = null;
    clearTimeout(this.#timer);
  }

  #touched() {
    this.#lastInput = Date.now();
  }

  #onVisibility() {
    // Looking at a page counts as using it.
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
    // An error page would stay: nothing on it follows the server.
    if (!(await this.#answers())) return this.#checkIn(this.#idle);
    if (this.#news && this.#untilIdle() === 0 && !this.#isInUse() && this.#remember()) this.#reload();
  }

  #isInUse() {
    // Without a connection the server may be going down, and a reload would end in the browser's error page.
    if (!this.#connected()) return true;
    // A download doesn't leave the page, so leaving is believed only for a while.
    if (Date.now() - this.#leftAt < this.#idle) return true;
    if (document.querySelector(`${POSTED}, ${IN_USE}`) || isPrecious(document.body)) return true;
    return document.activeElement?.matches(TEXT_CONTROLS) ?? false;
  }

  /** False when this build was loaded already, or when that can't be remembered: then a loop can't be ruled out. */
  #remember() {
    try {
      const storage = this.#storage();
      const { build, own } = this.#news;
      const builds = JSON.parse(storage.getItem(KEY) ?? "[]");
      if (builds.includes(build)) return false;
      // Its own build too: a web process that isn't replaced yet must not call the page back.
      storage.setItem(KEY, JSON.stringify([...new Set([...builds, own, build])].slice(-KEPT_BUILDS)));
      return true;
    } catch {
      return false;
    }
  }
}
