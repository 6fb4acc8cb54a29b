// One polite line for screen readers. Never the rows themselves: a busy list would talk without end.
const QUIET_MS = 10_000;
// Like the banner: a brief network drop is no news.
const GRACE_MS = 500;

export function startAnnouncer(line) {
  if (!line) return;
  const announcer = new Announcer(line);
  window.addEventListener("live:patched", ({ target, detail }) => {
    if (detail.source === "patch") announcer.patched(target, detail);
  });
  window.addEventListener("live:pending", ({ detail }) => announcer.pending(detail.count));
  window.addEventListener("live:status", ({ detail }) => announcer.status(detail));
  window.addEventListener("live:notice", ({ detail }) => announcer.say(detail.reason));
  window.addEventListener("live:said", ({ detail }) => announcer.say(detail.sentence));
}

class Announcer {
  #line;
  #rows = 0;
  // Changes that a list holds back, while they are news.
  #pending = 0;
  #sentences = new Set();
  #connection = null;
  #toldTrouble = false;
  #graceTimer;
  #timer = null;
  #lastSaid = -Infinity;

  constructor(line) {
    this.#line = line;
  }

  patched(element, { rows }) {
    this.#rows += rows;
    const own = element.querySelector?.("[data-live-announce]")?.dataset.liveAnnounce;
    if (own) this.#sentences.add(own);
    else if (element.matches?.("[data-live-region]:not([data-live-quiet])")) this.#sentences.add("Page updated");
    this.#schedule();
  }

  pending(count) {
    this.#pending = count;
    if (count > 0) this.#schedule();
  }

  say(sentence) {
    this.#sentences.add(sentence);
    this.#schedule();
  }

  status({ status, reason }) {
    clearTimeout(this.#graceTimer);
    if (status === "connected") {
      // The status repeats with every measurement; only becoming connected is news.
      if (!this.#toldTrouble) return;
      this.#toldTrouble = false;
      this.#connection = "Connected again";
      this.#schedule();
    } else if (!this.#toldTrouble) {
      // Once per trouble: every retry would be noise.
      this.#graceTimer = setTimeout(() => {
        this.#toldTrouble = true;
        this.#connection = reason;
        this.#schedule();
      }, GRACE_MS);
    }
  }

  #schedule() {
    if (this.#timer !== null) return;
    const wait = Math.max(0, this.#lastSaid + QUIET_MS - performance.now());
    this.#timer = setTimeout(() => this.#speak(), wait);
  }

  #speak() {
    this.#timer = null;
    const words = [...this.#sentences];
    if (this.#connection) words.unshift(this.#connection);
    if (this.#rows > 0) words.push(this.#rows === 1 ? "1 row updated" : `${this.#rows} rows updated`);
    if (this.#pending > 0) words.push(this.#pending === 1 ? "1 change waits" : `${this.#pending} changes wait`);
    this.#rows = 0;
    this.#pending = 0;
    this.#sentences.clear();
    this.#connection = null;
    if (!words.length) return;
    this.#lastSaid = performance.now();
    this.#line.textContent = words.map((word) => word.replace(/\.$/, "")).join(". ");
  }
}
