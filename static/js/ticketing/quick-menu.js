import { change } from "./send.js";

const GAP_PX = 4;
const MOVES = { ArrowDown: 1, ArrowUp: -1 };

/**
 * One menu for all rows of tickets: status, priority and whom a ticket is assigned to, without leaving the list.
 *
 * A row's [data-quick] button opens it whole; a [data-quick-field] of the row, or a key, opens one part of it.
 */
export class QuickMenu {
  #menu;
  #row = null;
  #act;

  /** `act(row, action, values, words, send)` does what was chosen; it may do so by calling `send()`. */
  constructor(menu, act) {
    this.#menu = menu;
    this.#act = act ?? ((row, action, values, words, send) => send());
    document.addEventListener("click", (event) => this.#onClick(event));
    menu.addEventListener("keydown", (event) => this.#onKey(event));
    menu.addEventListener("toggle", ({ newState }) => newState === "closed" && this.#closed());
    // The row may have been patched while its menu was open.
    document.addEventListener("live:patched", () => this.#row && this.#follow());
  }

  /** Opens the part of one field, or the whole menu. */
  open(row, field = "") {
    const opener = row.querySelector("[data-quick]");
    if (!opener) return;
    for (const group of this.#menu.querySelectorAll("[data-field]")) group.hidden = field !== "" && group.dataset.field !== field;
    if (this.#menu.matches(":popover-open")) this.#menu.hidePopover();
    // A popover that opens again at once never tells that it was closed.
    if (this.#row !== row) this.#closed();
    this.#row = row;
    this.#follow();
    this.#menu.showPopover();
    this.#place(shown(row, field) ?? opener);
    (this.#items.find((item) => item.ariaChecked === "true") ?? this.#items[0])?.focus({ preventScroll: true });
  }

  get #items() {
    return [...this.#menu.querySelectorAll("[data-field]:not([hidden]) [role=menuitemradio]")];
  }

  #onClick(event) {
    const item = event.target.closest("[role=menuitemradio]");
    if (item && this.#menu.contains(item)) return this.#choose(item);
    const opener = event.target.closest("[data-quick], [data-quick-field]");
    if (!opener || event.target.closest("a")) return;
    const row = opener.closest("[data-live-row]");
    if (!row?.closest("[data-may-change]")) return;
    event.preventDefault();
    this.open(row, opener.dataset.quickField ?? "");
  }

  #onKey(event) {
    const items = this.#items;
    const index = items.indexOf(document.activeElement);
    if (event.key in MOVES) this.#focus(event, items.at((index + MOVES[event.key]) % items.length));
    else if (event.key === "Home") this.#focus(event, items[0]);
    else if (event.key === "End") this.#focus(event, items.at(-1));
    else if (event.key === "Tab") this.#menu.hidePopover();
    else if (/^\p{L}$/u.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const after = [...items.slice(index + 1), ...items.slice(0, index + 1)];
      this.#focus(event, after.find((item) => item.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase())));
    }
  }

  #focus(event, item) {
    event.preventDefault();
    item?.focus();
  }

  #choose(item) {
    const { action, ...values } = item.dataset;
    const words = `${item.closest("[role=group]").ariaLabel.toLowerCase()} to ${item.textContent.trim()}`;
    const row = this.#row;
    this.#menu.hidePopover();
    if (row?.isConnected && item.ariaChecked !== "true") this.#act(row, action, values, words, () => send(row, action, values, words));
  }

  #follow() {
    const opener = this.#row.querySelector("[data-quick]");
    opener?.setAttribute("aria-expanded", "true");
    for (const item of this.#menu.querySelectorAll("[role=menuitemradio]")) {
      const { action } = item.dataset;
      item.ariaChecked = String((item.dataset[action] ?? item.dataset.member) === opener?.dataset[action]);
    }
  }

  #closed() {
    const opener = this.#row?.querySelector("[data-quick]");
    this.#row = null;
    if (!opener) return;
    opener.setAttribute("aria-expanded", "false");
    // Its list may be at rest now.
    opener.dispatchEvent(new Event("toggle"));
    if (document.activeElement === document.body || this.#menu.contains(document.activeElement)) {
      (opener.checkVisibility() ? opener : opener.closest("[data-live-row]").querySelector(".table__name"))?.focus({ preventScroll: true });
    }
  }

  #place(anchor) {
    const box = anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#menu;
    const below = box.bottom + GAP_PX;
    const top = below + height <= innerHeight ? below : Math.max(GAP_PX, box.top - GAP_PX - height);
    this.#menu.style.top = `${Math.min(top, Math.max(GAP_PX, innerHeight - height - GAP_PX))}px`;
    this.#menu.style.left = `${Math.max(GAP_PX, Math.min(box.left, innerWidth - width - GAP_PX))}px`;
  }
}

/** What a row says of its ticket. */
export function ticketOf(row) {
  const { revision, status } = row.querySelector("[data-quick]").dataset;
  const name = row.querySelector(".table__name");
  return { id: row.dataset.id, url: name.href, title: name.textContent.trim(), revision, status };
}

async function send(row, action, values, words) {
  row.toggleAttribute("data-sending", true);
  await change(ticketOf(row), action, values, words);
  row.toggleAttribute("data-sending", false);
}

function shown(row, field) {
  if (!field) return null;
  const part = row.querySelector(`[data-quick-field="${field}"]`);
  return part?.checkVisibility() ? part : null;
}
