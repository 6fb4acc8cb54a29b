import { backoffDelay } from "./backoff.js";
import { ANOTHER_PERSON, closeReason } from "./close-reasons.js";

// The next ping finds a server that freezes just after a pong: 10 + 6 s, within the 20 s that a page may be wrong.
const PING_EVERY_MS = 10_000;
// 6 s of silence: slower than any honest network, quicker than TCP notices a cut cable.
const PONG_WITHIN_MS = 6_000;
// Turning to a tab fires two events, "visible" and "focus"; one ping is enough.
const PING_AGAIN_AFTER_MS = 1_000;
const OPEN_WITHIN_MS = 10_000;
// The server sends its status at least every 10 s, a busy one a little later; this too stays within the 20 s.
const STATUS_WITHIN_MS = 18_000;
// By count, never by the clock, which browsers slow down in hidden tabs. The server stops writing at 256 unread frames,
// or at 64 large ones.
const ACK_EVERY_FRAMES = 32;
// A connection that dies sooner than this hasn't proved anything, so the backoff goes on where it was.
const STABLE_AFTER_MS = 5_000;
const FAILURES_UNTIL_ERROR = 5;
// The server notices within a few seconds that a session has ended. Somebody may have signed in again by then.
const SIGN_IN_COUNTS_MS = 30_000;

/**
 * The page's one WebSocket. It never gives up, and reports what it knows by two events: "state" (detail: what the dot
 * and the banner show) and "frame" (detail: a frame for the views).
 */
export class LiveSocket extends EventTarget {
  #url;
  #build;
  #person;
  #socket = null;
  #started = false;
  #stopped = false;
  #everConnected = false;
  // The step of the backoff, and how many attempts in a row never got a word from the server.
  #rung = 0;
  #failures = 0;
  #close = {};
  #server = null;
  #lastHeard = 0;
  #freshAt = null;
  #lastState = "";
  #pings = 0;
  #lastPing = 0;
  // Unanswered pings: number and moment sent.
  #unanswered = new Map();
  #socketMs = null;
  #received = 0;
  #otherTabAt = -Infinity;
  #timers = new Map();

  /** `person` is whom the page was painted for: nothing of it is for anybody else (design rule 35). */
  constructor(url, { build, person } = {}) {
    super();
    this.#url = url;
    this.#build = build || undefined;
    this.#person = person || undefined;
  }

  start() {
    if (this.#started) return;
    this.#started = true;
    window.addEventListener("online", () => this.#onOnline());
    window.addEventListener("offline", () => this.#lose({}));
    window.addEventListener("pagehide", () => this.#lose({}, { retry: false }));
    window.addEventListener("pageshow", (event) => event.persisted && this.reconnectNow());
    window.addEventListener("focus", () => this.#onLookedAt());
    document.addEventListener("visibilitychange", () => this.#onLookedAt());
    this.#connect();
  }

  get ready() {
    return this.#server !== null;
  }

  get state() {
    return {
      status: this.#status(),
      reason: this.#reason(),
      live: this.ready && this.#server.live !== false,
      connected: this.ready,
      signIn: !this.ready && this.#close.signIn === true,
      another: !this.ready && this.#close.another === true,
      since: this.#server?.since ?? null,
      freshAt: this.#freshAt,
      roundTripMs: this.#server?.round_trip_ms ?? null,
      layerMs: this.#server?.layer_ms ?? null,
      socketMs: this.#socketMs,
      doorbell: this.#server?.doorbell ?? "",
    };
  }

  send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** The user, the network or the screen came back: there is no point in waiting out the backoff. */
  reconnectNow() {
    if (this.ready || this.#socket?.readyState === WebSocket.CONNECTING) return;
    this.#connect();
  }

  /** Another tab of this browser has been loaded, so somebody is signed in there. */
  otherTabLoaded() {
    this.#otherTabAt = Date.now();
    this.reconnectNow();
  }

  /** What arrives can't be trusted any more: begin again, one step further in the backoff. */
  restart() {
    this.#lose({});
  }

  /** Only loading the page anew will make it good again. */
  #stop(close) {
    this.#stopped = true;
    this.#lose(close, { retry: false });
  }

  #connect() {
    if (this.#stopped) return;
    this.#dropSocket();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#onOpen(socket));
    socket.addEventListener("message", (event) => this.#onMessage(socket, event.data));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#lose(closeReason(event.code)));
    this.#after("open", OPEN_WITHIN_MS, () => this.#lose({}));
    this.#tell();
  }

  #onOpen(socket) {
    if (socket !== this.#socket) return;
    this.#cancel("open");
    this.#watch();
    this.#after("ping", PING_EVERY_MS, () => this.#ping());
    this.#after("stable", STABLE_AFTER_MS, () => (this.#rung = 0));
  }

  #onMessage(socket, text) {
    if (socket !== this.#socket) return;
    this.#received += 1;
    // Behind a long queue on a slow line the pong is late, but a server that sends the queue is alive.
    if (this.#unanswered.size) this.#awaitPong();
    this.#onFrame(text);
    // After the work: a page that can't keep up must not say that it does.
    if (socket === this.#socket && this.#received % ACK_EVERY_FRAMES === 0) this.send({ type: "ack", n: this.#received });
  }

  #onFrame(text) {
    const frame = parse(text);
    if (frame === null) return this.restart();
    if (frame.type === "hello") return this.#onHello(frame);
    if (frame.type === "status") return this.#onStatus(frame);
    if (frame.type === "pong") return this.#onPong(frame);
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  #onHello({ build, person, words }) {
    if (this.#person !== undefined && person !== this.#person) return this.#stop(ANOTHER_PERSON);
    this.#build ??= build;
    const type = build === this.#build ? "current" : "outdated";
    this.dispatchEvent(new CustomEvent("frame", { detail: { type, build, own: this.#build } }));
    if (words) this.dispatchEvent(new CustomEvent("frame", { detail: { type: "words", words } }));
    // Attaching needs no status frame first: the two questions are independent.
    this.dispatchEvent(new CustomEvent("frame", { detail: { type: "hello" } }));
  }

  #onStatus(frame) {
    this.#server = frame;
    this.#everConnected = true;
    this.#failures = 0;
    this.#close = {};
    this.#lastHeard = Date.now();
    this.#freshAt = frame.fresh_at ?? null;
    this.#watch();
    this.#tell();
  }

  #onPong({ n }) {
    const sentAt = this.#unanswered.get(n);
    if (sentAt === undefined) return;
    this.#socketMs = Math.round(performance.now() - sentAt);
    // Answers come in order, so earlier pings won't be answered any more.
    for (const earlier of [...this.#unanswered.keys()]) if (earlier <= n) this.#unanswered.delete(earlier);
    if (!this.#unanswered.size) this.#cancel("pong");
    this.#tell();
  }

  #ping() {
    this.#pings += 1;
    this.#lastPing = Date.now();
    // Another ping must not extend a silence that began before.
    if (!this.#unanswered.size) this.#awaitPong();
    this.#unanswered.set(this.#pings, performance.now());
    this.send({ type: "ping", n: this.#pings });
    this.#after("ping", PING_EVERY_MS, () => this.#ping());
  }

  #awaitPong() {
    this.#after("pong", PONG_WITHIN_MS, () => this.restart());
  }

  #watch() {
    this.#after("status", STATUS_WITHIN_MS, () => this.restart());
  }

  #onOnline() {
    // A socket that outlived the outage may be half dead; a new one is cheaper than finding out.
    this.#rung = 0;
    this.#failures = 0;
    this.#connect();
  }

  /** The page became visible or focused: its user must not see what a sleep or a cut cable left behind. */
  #onLookedAt() {
    if (document.visibilityState !== "visible") return;
    if (this.#socket === null) return this.reconnectNow();
    if (!this.ready) return;
    // When a laptop wakes from sleep its timers haven't run; don't wait for them.
    if (Date.now() - this.#lastHeard > STATUS_WITHIN_MS) return this.#connect();
    if (Date.now() - this.#lastPing >= PING_AGAIN_AFTER_MS) this.#ping();
  }

  #lose(close, { retry = true } = {}) {
    if (this.#socket && !this.ready) this.#failures += 1;
    if (!this.#stopped || close.another) this.#close = close;
    this.#dropSocket();
    if (retry && !this.#stopped) this.#retry();
    this.#tell();
  }

  #retry() {
    // A hidden page is in no hurry: it reconnects at once when looked at.
    const slowest = document.visibilityState === "hidden" ? 15_000 : 0;
    const signedIn = this.#close.signIn && Date.now() - this.#otherTabAt < SIGN_IN_COUNTS_MS;
    const wait = signedIn ? 0 : Math.max(this.#close.slow ?? 0, slowest);
    // It counts once: a session that has ended for good must not be retried again and again.
    if (signedIn) this.#otherTabAt = -Infinity;
    this.#after("retry", wait + backoffDelay(this.#rung), () => this.#connect());
    this.#rung += 1;
  }

  #dropSocket() {
    for (const name of [...this.#timers.keys()]) this.#cancel(name);
    const socket = this.#socket;
    this.#socket = null;
    this.#server = null;
    this.#socketMs = null;
    this.#unanswered.clear();
    this.#received = 0;
    socket?.close();
    if (socket) this.dispatchEvent(new CustomEvent("frame", { detail: { type: "lost" } }));
  }

  #status() {
    if (this.#server) return this.#server.status;
    // Only a hint: a machine without a network still reaches its own server, so attempts go on.
    if (!navigator.onLine) return "disconnected";
    if (this.#close.status) return this.#close.status;
    if (this.#failures >= FAILURES_UNTIL_ERROR) return "error";
    return this.#everConnected || this.#failures > 0 ? "reconnecting" : "connecting";
  }

  #reason() {
    if (this.#server) return this.#server.reason ?? "";
    if (!navigator.onLine) return "Your browser is offline. This page catches up when the network returns.";
    if (this.#close.reason) return this.#close.reason;
    if (this.#failures >= FAILURES_UNTIL_ERROR) return "The server cannot be reached. This page keeps trying.";
    if (this.#everConnected) return "The live connection was lost. Connecting again.";
    if (this.#failures > 0) return "The live connection could not be opened. Trying again.";
    return "Opening the live connection.";
  }

  #tell() {
    const detail = { ...this.state, reload: this.#close.reload === true };
    const same = JSON.stringify(detail);
    if (same === this.#lastState) return;
    this.#lastState = same;
    this.dispatchEvent(new CustomEvent("state", { detail }));
  }

  #after(name, delay, callback) {
    this.#cancel(name);
    this.#timers.set(name, setTimeout(callback, delay));
  }

  #cancel(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

function parse(text) {
  try {
    const frame = JSON.parse(text);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
