// The way of every write from this browser to the server (design rule 36). It is kept before it is sent and goes when it is
// answered; what gets no answer waits here, in order per record, until the server can be reached. The server does a
// write once, however often it is sent, because it has a key (realtime/pages/writes.py).
import { explain, tellAction } from "../answers.js";
import { backoffDelay } from "../live/backoff.js";
import { at, below, own } from "../root.js";
import { newName } from "../typed-store.js";
import * as store from "./store.js";
import { restedOn } from "./order.js";
import { transmit } from "./transmit.js";

const WHO = at("writes/who/");
// Larger files are sent, but not kept: a browser's storage isn't made for them.
export const LARGEST_BYTES = 25 * 1024 ** 2;
const RETRY_CAP_MS = 60_000;
// What belongs to a session or to the administration is never kept, nor are the steps of an import.
const KEPT = /^(crm|ticketing|notifications|history|drafts)\/(?!.*\bimport\b)/;

const person = document.documentElement.dataset.person ?? "";

export function mayWait(address) {
  return person !== "" && KEPT.test(below(address) ?? "");
}

/** "tickets/<key>": writes of one record keep their order. */
export function recordOf(address) {
  const parts = (below(address) ?? "").split("/").filter(Boolean);
  return (["crm", "ticketing"].includes(parts[0]) ? parts.slice(1, 3) : parts.slice(0, 2)).join("/");
}

class Outbox extends EventTarget {
  /** What is kept for this person and shown, the oldest first. */
  writes = [];
  /** The keys of what is on its way from this tab. */
  sending = new Set();
  /** Who is signed in now isn't the person it belongs to. */
  signedOut = false;
  // Whoever wrote it still looks at its form, which says what comes of it.
  #watched = new Set();
  #attempt = 0;
  #timer = null;

  start() {
    if (!person) return;
    store.onSignal(() => this.#look());
    window.addEventListener("online", () => this.#again());
    document.addEventListener("live:status", ({ detail }) => detail.status === "connected" && this.writes.length && this.#again());
    this.#look().then(() => this.drain());
  }

  read() {
    return store.all(person);
  }

  /**
   * Sends what somebody has just written; resolves to the outcome of transmit(), or to `waits`: it is kept, and is sent
   * when the server can be reached.
   *
   * `typed` is what the form's drafts hold, `page` where it was written, `replaces` the key of what it is in place of.
   */
  async write({ address, data, title, page = location.pathname + location.search, typed = null, replaces = "" }, options = {}) {
    const there = new URL(address, location.href);
    const write = {
      key: newName(),
      person,
      address: there.pathname + there.search,
      record: recordOf(address),
      title,
      page,
      typed,
      fields: [...data],
      at: Date.now(),
      state: "waiting",
      said: "",
    };
    this.#watched.add(write.key);
    const isKept = mayWait(address) && "locks" in navigator && sizeOf(write.fields) <= LARGEST_BYTES && (await store.add(write));
    if (!isKept) {
      this.#watched.delete(write.key);
      return transmit(write, options);
    }
    const outcome = await this.#locked(write.record, () => this.#inTurn(write, options));
    this.#watched.delete(write.key);
    const waits = outcome.kind === "none";
    // Anything but silence is told to whoever looks at the form. What met another person's session waits for its own.
    if (!waits && !outcome.answer?.another) await store.remove(write.key);
    if (replaces && (waits || outcome.kind === "done")) await store.remove(replaces);
    if (waits || replaces) await this.#changed();
    if (waits) this.#retryLater();
    return waits ? { kind: "waits" } : outcome;
  }

  /** Everything that waits, each record by itself. */
  async drain() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const waiting = (await this.read()).filter(({ key, state }) => state === "waiting" && !this.#watched.has(key));
    if (!waiting.length || !("locks" in navigator)) return;
    const here = await whoIsHere();
    this.signedOut = here !== null && here !== person;
    if (here === person) {
      const records = new Set(waiting.map(({ record }) => record));
      await Promise.all([...records].map((record) => this.#locked(record, () => this.#sendAll(record))));
    }
    await this.#look();
    if (this.writes.some(({ state }) => state === "waiting") && !this.signedOut) this.#retryLater();
  }

  async retry(key) {
    await store.change(key, { state: "waiting", said: "" });
    await this.#changed();
    this.#attempt = 0;
    await this.drain();
  }

  /** Somebody opens it to change it: meanwhile it isn't sent. */
  async hold(key) {
    await store.change(key, { state: "held" });
    await this.#changed();
  }

  async drop(key) {
    await store.remove(key);
    await this.#changed();
  }

  /** One tab at a time sends what belongs to a record. */
  #locked(record, act) {
    return navigator.locks.request(own(`livedesk-outbox ${person} ${record}`), act);
  }

  /** After what was written to the same record before; that may still have to wait. */
  async #inTurn(write, options) {
    for (const { key } of await this.#waiting(write.record)) {
      if (key === write.key) break;
      const earlier = (await this.#waiting(write.record)).find((one) => one.key === key);
      if (earlier && !(await this.#send(earlier))) return { kind: "none" };
    }
    // What was done before it may have changed what it stands on.
    const [own = write] = (await this.#waiting(write.record)).filter(({ key }) => key === write.key);
    return transmit(own, options);
  }

  async #sendAll(record) {
    const tried = new Set();
    const next = async () => (await this.#waiting(record)).find(({ key }) => !this.#watched.has(key) && !tried.has(key));
    for (let write = await next(); write; write = await next()) {
      tried.add(write.key);
      if (!(await this.#send(write))) return;
    }
  }

  /** False when it has to wait. */
  async #send(write) {
    this.sending.add(write.key);
    this.#tell();
    const outcome = await transmit(write);
    this.sending.delete(write.key);
    return this.#settle(write, outcome);
  }

  async #settle(write, { kind, answer, status, action, passes }) {
    if (kind === "none" || kind === "stopped" || passes) return false;
    if (answer?.sign_in || answer?.another) {
      this.signedOut = true;
      return false;
    }
    this.#attempt = 0;
    const { key, title } = write;
    if (kind === "done") {
      for (const later of await this.#waiting(write.record)) {
        const fields = restedOn(later, write, answer.revision);
        if (fields) await store.change(later.key, { fields });
      }
      await store.remove(key);
      const said = `${title}: ${answer.said ?? "saved."}`;
      if (action) tellAction(action, said);
      window.dispatchEvent(new CustomEvent("live:said", { detail: { sentence: said } }));
    } else {
      const said = answer?.said ?? explain(status);
      await store.change(key, { state: answer?.conflict ? "conflict" : "failed", said });
    }
    await this.#changed();
    return true;
  }

  async #waiting(record) {
    return (await this.read()).filter((write) => write.record === record && write.state === "waiting");
  }

  async #look() {
    this.writes = (await this.read()).filter(({ key }) => !this.#watched.has(key));
    this.#tell();
  }

  async #changed() {
    await this.#look();
    store.signal();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }

  #again() {
    this.#attempt = 0;
    this.drain();
  }

  #retryLater() {
    this.#timer ??= setTimeout(() => this.drain(), 500 + backoffDelay(this.#attempt++, { cap: RETRY_CAP_MS }));
  }
}

export const outbox = new Outbox();

/** Whose session this browser has now: empty for nobody's, null when the server can't be reached. */
async function whoIsHere() {
  try {
    const answer = await fetch(WHO, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "error" });
    return answer.ok ? ((await answer.json()).person ?? null) : null;
  } catch {
    return null;
  }
}

function sizeOf(fields) {
  return fields.reduce((sum, [, value]) => sum + (typeof value === "string" ? value.length : value.size), 0);
}
