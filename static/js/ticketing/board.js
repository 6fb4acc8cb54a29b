import { change } from "./send.js";
import { ticketOf } from "./quick-menu.js";

// After this long the truth is on the page, or will be after a reload.
const GHOST_MS = 8_000;

/**
 * A card is dragged to another column, or sent there by a key or its menu. A ghost of it stands there at once, until the
 * column itself shows the card, or the server has refused.
 */
export class Board {
  #board;
  #dragged = null;
  #moving = new Map();

  constructor(board) {
    this.#board = board;
    board.addEventListener("pointerdown", ({ target, pointerType }) => this.#mayDrag(target, pointerType));
    board.addEventListener("dragstart", (event) => this.#onStart(event));
    board.addEventListener("dragover", (event) => this.#onOver(event));
    board.addEventListener("drop", (event) => this.#onDrop(event));
    board.addEventListener("dragend", () => this.#onEnd());
    board.addEventListener("keydown", (event) => this.#onKey(event));
    board.addEventListener("live:patched", () => this.#settle());
  }

  /** Sends a card to the column of a status. */
  async move(card, status) {
    const ticket = ticketOf(card);
    if (ticket.status === status || this.#moving.has(ticket.id)) return;
    const move = { from: ticket.status, to: status, focus: card.contains(document.activeElement) };
    this.#moving.set(ticket.id, move);
    this.#column(status).querySelector("[data-ghosts]").prepend(ghostOf(card));
    card.toggleAttribute("data-leaving", true);
    const words = `status to ${this.#column(status).querySelector(".badge").textContent.trim()}`;
    const done = await change(ticket, "status", { status }, words);
    // By then the card may be on its way to another column.
    const end = () => this.#moving.get(ticket.id) === move && this.#end(ticket.id);
    if (done) setTimeout(end, GHOST_MS);
    else end();
  }

  // By pointer. Cards are draggable only where they may be moved, and text in them can't be selected meanwhile.

  #mayDrag(target, pointerType) {
    const card = target.closest("[data-live-row]");
    if (card && pointerType === "mouse" && !target.closest("button")) card.draggable = true;
  }

  #onStart(event) {
    this.#dragged = event.target.closest("[data-live-row]");
    if (!this.#dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/uri-list", ticketOf(this.#dragged).url);
    this.#dragged.toggleAttribute("data-dragged", true);
  }

  #onOver(event) {
    const column = this.#dragged && event.target.closest("[data-column]");
    for (const other of this.#columns) other.toggleAttribute("data-drop", other === column);
    if (!column) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
  }

  #onDrop(event) {
    const column = event.target.closest("[data-column]");
    if (!this.#dragged || !column) return;
    event.preventDefault();
    this.move(this.#dragged, column.dataset.column);
  }

  #onEnd() {
    this.#dragged?.removeAttribute("data-dragged");
    this.#dragged?.removeAttribute("draggable");
    this.#dragged = null;
    for (const column of this.#columns) column.removeAttribute("data-drop");
  }

  // By key

  #onKey(event) {
    const card = event.target.closest?.("[data-live-row]");
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!card || !step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const columns = [...this.#board.children];
    const here = columns.findIndex((column) => column.contains(card));
    const there = columns[here + (getComputedStyle(this.#board).direction === "rtl" ? -step : step)];
    if (!there) return;
    if (!event.shiftKey) there.querySelector(".table__name")?.focus();
    // The column of all other words is no place to go to.
    else if ("column" in there.dataset) this.move(card, there.dataset.column);
  }

  // Until the truth is there

  #settle() {
    for (const [id, { to, focus }] of this.#moving) {
      const arrived = this.#column(to).querySelector(`[data-live-rows] > [data-id="${CSS.escape(id)}"]`);
      if (!arrived) continue;
      if (focus && (document.activeElement === document.body || this.#board.contains(document.activeElement))) {
        arrived.querySelector(".table__name").focus();
      }
      this.#end(id);
    }
  }

  #end(id) {
    if (!this.#moving.delete(id)) return;
    this.#board.querySelector(`[data-ghost="${CSS.escape(id)}"]`)?.remove();
    this.#board.querySelector(`[data-leaving][data-id="${CSS.escape(id)}"]`)?.removeAttribute("data-leaving");
  }

  get #columns() {
    return [...this.#board.querySelectorAll("[data-column]")];
  }

  #column(status) {
    return this.#board.querySelector(`[data-column="${CSS.escape(status)}"]`);
  }
}

function ghostOf(card) {
  const ghost = card.cloneNode(true);
  ghost.dataset.ghost = card.dataset.id;
  for (const name of ["data-live-row", "data-id", "data-version", "data-dragged", "draggable"]) ghost.removeAttribute(name);
  // It only shows where the card will be; the card itself comes in a moment.
  ghost.inert = true;
  return ghost;
}
