// The verbs of the wire, and the only place where HTML from the server enters the page: forms, too.
import { Idiomorph } from "../../vendor/idiomorph/idiomorph.esm.js";
import { localizeNumber } from "../elements/local-number.js";
import { localize } from "../elements/local-time.js";
import { isPrecious } from "./precious.js";
import { keepPlace } from "./place.js";

/** The ops don't fit what this page shows; only saying again what it shows can help. */
export class MismatchError extends Error {}

export function rowsOf(list) {
  return [...list.querySelectorAll("[data-live-row]")];
}

/** Applies one frame at once: list, count and pager never disagree in a painted frame. */
export function patchList(list, ops) {
  // By row: who has changed it, where that is known.
  const updated = new Map();
  const before = rowsOf(list);
  const focused = before.findIndex((row) => row.contains(document.activeElement));
  const restore = keepPlace(before, movedIds(ops));
  try {
    for (const op of ops) applyToList(list, op, updated);
  } finally {
    restore();
  }
  if (focused >= 0 && !before[focused].isConnected) focusRow(rowsOf(list), focused);
  const shown = [...updated].filter(([row]) => row.isConnected);
  return { rows: touchedIds(ops).size, updated: shown.map(([row]) => row), by: new Map(shown) };
}

/** Whoever works down a list by keyboard goes on where the row was that has left it. */
function focusRow(rows, index) {
  rows[Math.min(index, rows.length - 1)]?.querySelector("a[href], button")?.focus({ preventScroll: true });
}

export function patchRegion(region, ops) {
  const restore = keepPlace([], new Set());
  try {
    for (const op of ops) {
      if (op.op !== "part" || op.name !== "body") throw new MismatchError(`A region has no ${op.op} ${op.name}`);
      morphInside(region, op);
    }
  } finally {
    restore();
  }
  return { rows: 0, updated: [region], by: new Map() };
}

/** What a form that comes later is made of. */
export function parseForm(html) {
  return document.importNode(parse(html).content, true);
}

/** A form that was refused, with what the server says at its fields; text that was typed stays as typed. */
export function patchForm(form, html) {
  const fresh = parse(html).content.querySelector("form");
  Idiomorph.morph(form, [...document.importNode(fresh, true).childNodes], {
    morphStyle: "innerHTML",
    restoreFocus: false,
    callbacks: {
      // A choice goes with its options, which may be others now.
      beforeNodeMorphed: (node) => !isUntouchable(node) || node instanceof HTMLSelectElement,
    },
  });
  for (const { id, attributes } of fresh.querySelectorAll("[aria-invalid]")) {
    for (const name of ["aria-invalid", "aria-describedby"]) {
      if (name in attributes) document.getElementById(id)?.setAttribute(name, attributes[name].value);
    }
  }
}

function applyToList(list, op, updated) {
  switch (op.op) {
    case "put":
      return put(list, op, updated);
    case "move":
      return place(list, existingRow(list, op.id), op.after);
    case "remove":
      return remove(findRow(list, op.id));
    case "count":
      return list.querySelectorAll("[data-live-count]").forEach((element) => (element.textContent = op.text));
    case "part":
      return list.querySelectorAll(`[data-live-part="${CSS.escape(op.name)}"]`).forEach((part) => morphInside(part, op));
    default:
      throw new MismatchError(`Unknown op ${op.op}`);
  }
}

function put(list, op, updated) {
  const fresh = parseRow(op);
  const row = findRow(list, op.id);
  if (row) {
    // A row that only comes back to life says nothing new; one that was shown did change.
    if (row.dataset.version !== op.version && "liveRow" in row.dataset) updated.set(row, op.by);
    morph(row, fresh, "outerHTML");
    if ("after" in op) place(list, row, op.after);
  } else {
    if (!("after" in op)) throw new MismatchError(`No row ${op.id} to update`);
    place(list, fresh, op.after);
  }
}

function place(list, row, after) {
  const body = list.querySelector("[data-live-rows]");
  const before = after === null ? body.firstElementChild : existingRow(list, after).nextElementSibling;
  if (before === row || (row.parentNode === body && row.nextElementSibling === before)) return;
  // moveBefore keeps focus, selection and running animations of a row that moves; it refuses rows from elsewhere.
  if (body.moveBefore && row.parentNode === body) body.moveBefore(row, before);
  else body.insertBefore(row, before);
}

function remove(row) {
  if (!row) return;
  if (!isPrecious(row)) return row.remove();
  // The row is gone, but the text typed into it isn't ours to throw away: it leaves the list and stays on the page.
  delete row.dataset.liveRow;
  row.dataset.liveRemoved = "";
}

function findRow(list, id) {
  return list.querySelector(`[data-live-rows] > [data-id="${CSS.escape(id)}"]`);
}

function existingRow(list, id) {
  const row = findRow(list, id);
  if (!row) throw new MismatchError(`No row ${id}`);
  return row;
}

function parseRow({ id, html }) {
  const { content } = parse(html);
  const row = content.firstElementChild;
  if (content.childElementCount !== 1 || row.dataset.id !== id || !("liveRow" in row.dataset)) {
    throw new MismatchError(`Not the row ${id}`);
  }
  return document.importNode(row, true);
}

function morphInside(element, { html, version }) {
  morph(element, [...document.importNode(parse(html).content, true).childNodes], "innerHTML");
  element.dataset.version = version;
}

// A <template> parses <tr> without a table around it, runs no script and loads no image while it waits.
function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  template.content.querySelectorAll("local-time").forEach(localize);
  template.content.querySelectorAll("local-number").forEach(localizeNumber);
  return template;
}

function morph(element, fresh, morphStyle) {
  Idiomorph.morph(element, fresh, {
    morphStyle,
    // keepPlace restores the focus, for every kind of element.
    restoreFocus: false,
    callbacks: {
      beforeNodeMorphed: (node, next) => !isUntouchable(node) && !isFilled(node, next) && !sameTree(node, next),
      beforeNodeRemoved: (node) => !isPrecious(node),
    },
  });
}

// A chooser is no longer as the server has painted it, and holds what somebody chooses.
function isUntouchable(node) {
  return node instanceof Element && (node.matches("combo-box[data-ready], input[data-select]") || isPrecious(node, { deep: false }));
}

// Who is at a record, and what waits to be sent to it, isn't part of it: the server paints the places for them empty.
function isFilled(node, next) {
  if (!(node instanceof Element) || !node.matches("live-presence, write-mark")) return false;
  return node.dataset.presence === next.dataset?.presence && node.dataset.record === next.dataset?.record;
}

// Skipping equal subtrees is quicker, and leaves the browser's own state in them (selection, open menus) alone.
function sameTree(node, next) {
  return node instanceof Element && !node.querySelector("input, select, textarea, option") && node.isEqualNode(next);
}

function movedIds(ops) {
  return new Set(ops.filter((op) => op.op === "remove" || "after" in op).map((op) => op.id));
}

function touchedIds(ops) {
  return new Set(ops.filter((op) => "id" in op).map((op) => op.id));
}
