// Says on the socket where this page's person is and what they do there. The hub knows the record: it is the one that
// the page's principal region is about.
const IDLE_AFTER_MS = 60_000;
const SAY_EVERY_MS = 1_000;
const SIGNS_OF_LIFE = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart", "focusin"];

export function startHere(socket, views, page) {
  new Here(socket, views, page).start();
}

class Here {
  #socket;
  #views;
  #page;
  // The attached region that the page is about, and what was last said of it.
  #id = null;
  #said = "";
  #saidAt = -Infinity;
  #timer = null;
  #idle = false;
  #idleTimer;
  #field = "";

  constructor(socket, views, page) {
    this.#socket = socket;
    this.#views = views;
    this.#page = page;
  }

  start() {
    this.#socket.addEventListener("frame", ({ detail }) => {
      if (detail.type === "attached" && detail.id === this.#views.principal) this.#attached(detail.id);
      if (detail.type === "lost") this.#id = null;
    });
    for (const type of SIGNS_OF_LIFE) this.#page.addEventListener(type, () => this.#stir(), { passive: true, capture: true });
    this.#page.addEventListener("visibilitychange", () => this.#stir());
    this.#page.addEventListener("focusin", ({ target }) => this.#noteField(target));
    // A form is empty again just after its reset.
    for (const type of ["input", "reset", "typed:back"]) this.#page.addEventListener(type, () => queueMicrotask(() => this.#soon()), true);
    this.#stir();
  }

  #attached(id) {
    this.#id = id;
    this.#said = "";
    this.#say();
  }

  #stir() {
    clearTimeout(this.#idleTimer);
    this.#setIdle(this.#page.hidden);
    if (!this.#page.hidden) this.#idleTimer = setTimeout(() => this.#setIdle(true), IDLE_AFTER_MS);
  }

  #setIdle(idle) {
    if (idle === this.#idle) return;
    this.#idle = idle;
    this.#soon();
  }

  #noteField(control) {
    const form = control.closest?.("[data-doing=editing]");
    if (!form) return;
    const field = control.closest(".field") ?? control;
    // A chooser brings controls of its own: the search for a customer is at the field "customer".
    const name = (field.querySelector("select[name], textarea[name], input[name]") ?? control).name;
    this.#field = (name ?? "").replace(/-find$/, "");
    this.#soon();
  }

  #soon() {
    if (this.#timer !== null) return;
    const wait = Math.max(0, this.#saidAt + SAY_EVERY_MS - performance.now());
    this.#timer = setTimeout(() => this.#say(), wait);
  }

  #say() {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#id === null) return;
    const doing = this.#doing();
    const message = { type: "here", id: this.#id, doing, idle: this.#idle, field: doing === "editing" ? this.#field : "" };
    const said = JSON.stringify(message);
    if (said === this.#said) return;
    this.#said = said;
    this.#saidAt = performance.now();
    this.#socket.send(message);
  }

  #doing() {
    const written = this.#page.querySelector("[data-doing=writing] textarea");
    if (written && written.value.trim() !== "" && written.value !== written.defaultValue) return "writing";
    return this.#page.querySelector("[data-doing=editing]") ? "editing" : "viewing";
  }
}
