// Work without the mouse: single keys, and "g" followed by a letter. They can be switched off (WCAG 2.1.4).
//
// An element with [data-key] is pressed, or gets the focus, by that key. The help (?) lists all keys.

import { choose, chosenElsewhere } from "./chosen.js";
import { own } from "./root.js";

const SEQUENCE_MS = 1_500;
const TYPING = "input, select, textarea, [contenteditable], dialog, :popover-open, [role=menu], [role=listbox]";
const FIELDS = { a: "assignment", s: "status", p: "priority" };

const setting = () => own(`livedesk-keys-${document.documentElement.dataset.person}`);
// For as long as the page lives where storage is forbidden.
let chosen = null;

export function startKeyboard(page) {
  const keyboard = new Keyboard(page);
  page.addEventListener("keydown", (event) => keyboard.onKey(event));
  page.addEventListener("click", ({ target }) => target.closest?.("[data-keys-switch]") && turn());
  const elsewhere = chosenElsewhere("shortcuts");
  if (elsewhere) keep(elsewhere);
  showSetting();
}

class Keyboard {
  #page;
  #begun = "";
  #begunAt = -Infinity;
  // Where the row was that is gone.
  #index = 0;

  constructor(page) {
    this.#page = page;
    page.addEventListener("focusin", () => (this.#index = Math.max(0, this.#rows.indexOf(this.#row))));
  }

  onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !isOn()) return;
    if (event.key.length !== 1 || event.target.closest?.(TYPING)) return;
    const key = this.#sequence(event.key);
    if (this.#press(key)) event.preventDefault();
  }

  #sequence(key) {
    const whole = this.#begun && performance.now() - this.#begunAt < SEQUENCE_MS ? `${this.#begun} ${key}` : key;
    this.#begun = whole === "g" ? "g" : "";
    this.#begunAt = performance.now();
    return whole;
  }

  #press(key) {
    if (key === "?") return this.#help();
    if ((key === "j" || key === "k") && this.#rows.length) return this.#step(key === "j" ? 1 : -1);
    const row = this.#row;
    if (row && key in FIELDS && row.querySelector("[data-quick]")) return this.#quick(row, FIELDS[key]);
    if (row && key === "e" && row.closest("[data-may-change]")) {
      location.assign(new URL("edit/", row.querySelector(".table__name").href));
      return true;
    }
    const target = this.#page.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return false;
    if (target.matches("fieldset")) (target.querySelector("[aria-pressed=true]") ?? target.querySelector("button")).focus();
    else if (target.matches("input, textarea, select")) target.focus();
    else target.click();
    return true;
  }

  get #rows() {
    return [...this.#page.querySelectorAll("[data-live-rows] > [data-live-row]")].filter((row) => row.querySelector(".table__name"));
  }

  get #row() {
    return document.activeElement?.closest?.("[data-live-row]") ?? null;
  }

  #step(by) {
    const rows = this.#rows;
    const here = rows.indexOf(this.#row);
    const next = here >= 0 ? here + by : this.#index;
    const row = rows[Math.min(Math.max(next, 0), rows.length - 1)];
    row.querySelector(".table__name").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    return true;
  }

  #quick(row, field) {
    window.dispatchEvent(new CustomEvent("live:quick", { detail: { row, field } }));
    return true;
  }

  #help() {
    const dialog = this.#page.getElementById("keys");
    dialog?.showModal();
    return Boolean(dialog);
  }
}

export function isOn() {
  try {
    chosen = localStorage.getItem(setting()) ?? chosen;
  } catch {
    // Then what was chosen on this page holds.
  }
  return chosen !== "off";
}

function turn() {
  keep(isOn() ? "off" : "on");
  choose("shortcuts", chosen);
  showSetting();
}

/** Other tabs of this browser follow at once. */
function keep(choice) {
  chosen = choice;
  try {
    localStorage.setItem(setting(), chosen);
  } catch {
    // It holds for this page.
  }
}

function showSetting() {
  for (const button of document.querySelectorAll("[data-keys-switch]")) button.setAttribute("aria-checked", String(isOn()));
}
