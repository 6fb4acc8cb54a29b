// Rows of a list that somebody has chosen: boxes, Shift-click, keys, all of a page, all that match. The choice is by key,
// so it outlives patches, and it lives in the tab, so it outlives pages. What is done to them begins on a page of its own.
import { isOn } from "./keyboard.js";
import { own } from "./root.js";

// What an address of a list carries that doesn't decide who is in it.
const BESIDE = ["after", "before", "last", "sort", "size", "all"];
const TYPING = "textarea, select, [contenteditable], dialog, :popover-open, [role=menu], [role=listbox], input:not([data-select])";

export function startSelection(page) {
  const bar = page.querySelector("[data-bulk-bar]");
  if (bar) new Selection(page, bar);
  for (const form of page.querySelectorAll("[data-bulk-begin]")) fill(form);
  const begun = page.querySelector("[data-bulk-begun]");
  if (begun) new Chosen(begun.dataset.bulkBegun).forget();
}

class Selection {
  #page;
  #bar;
  #list;
  #chosen;
  // The keys that this page has shown: one of them that is no longer there has left the list.
  #seen = new Set();
  #last = null;

  constructor(page, bar) {
    this.#page = page;
    this.#bar = bar;
    this.#list = bar.closest("[data-live-list]");
    this.#chosen = new Chosen(location.pathname, location.search);
    this.#list.addEventListener("click", (event) => this.#onClick(event));
    this.#list.addEventListener("live:patched", () => this.#show());
    this.#list.addEventListener("live:pending", () => this.#show());
    page.addEventListener("keydown", (event) => this.#onKey(event));
    // Pages that come back from the browser's cache know nothing of what was chosen since.
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.#reread());
    this.#show();
  }

  get #boxes() {
    return [...this.#list.querySelectorAll("[data-live-rows] > [data-live-row] input[data-select]")];
  }

  #reread() {
    this.#chosen = new Chosen(location.pathname, location.search);
    this.#show();
  }

  #onClick(event) {
    const box = event.target.closest("input[data-select]");
    if (box) return this.#choose(box, box.checked, event.shiftKey);
    if (event.target.closest("[data-select-page]")) return this.#choosePage(event.target.closest("[data-select-page]").checked ?? true);
    if (event.target.closest("[data-select-all]")) return this.#change((chosen) => chosen.all());
    if (event.target.closest("[data-select-none]")) return this.#change((chosen) => chosen.none());
    const begin = event.target.closest("[data-bulk]");
    if (begin) this.#begin(begin.dataset.bulk);
    const file = event.target.closest("[data-export]");
    if (file) this.#export(file.dataset.export);
  }

  #onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !isOn()) return;
    if (event.target.closest?.(TYPING)) return;
    const box = document.activeElement?.closest?.("[data-live-row]")?.querySelector("input[data-select]");
    if (event.key === "x" && box) this.#choose(box, !box.checked);
    else if (event.shiftKey && event.key === "X") this.#choosePage(true);
    else if (event.shiftKey && box && (event.key === "ArrowDown" || event.key === "ArrowUp")) this.#extend(box, event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Escape" && this.#chosen.size) this.#change((chosen) => chosen.none());
    else return;
    event.preventDefault();
  }

  #choose(box, on, range = false) {
    const boxes = this.#boxes;
    const from = range ? boxes.findIndex(({ value }) => value === this.#last) : -1;
    const to = boxes.indexOf(box);
    const some = from < 0 ? [box] : boxes.slice(Math.min(from, to), Math.max(from, to) + 1);
    this.#last = box.value;
    this.#change((chosen) => chosen.put(some.map(({ value }) => value), on, boxes.map(({ value }) => value)));
  }

  #choosePage(on) {
    const keys = this.#boxes.map(({ value }) => value);
    this.#change((chosen) => chosen.put(keys, on, keys));
  }

  /** This row and the next, and on to that one. */
  #extend(box, by) {
    const boxes = this.#boxes;
    const next = boxes[boxes.indexOf(box) + by];
    this.#change((chosen) => chosen.put([box, next].filter(Boolean).map(({ value }) => value), true, []));
    this.#last = (next ?? box).value;
    next?.closest("[data-live-row]").querySelector(".table__name").focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  }

  #change(change) {
    change(this.#chosen);
    this.#show();
  }

  #show() {
    const boxes = this.#boxes;
    for (const box of boxes) {
      this.#seen.add(box.value);
      box.checked = this.#chosen.has(box.value);
    }
    const on = boxes.filter(({ checked }) => checked).length;
    for (const box of this.#list.querySelectorAll("input[data-select-page]")) {
      box.checked = on > 0 && on === boxes.length;
      box.indeterminate = on > 0 && on < boxes.length;
    }
    this.#bar.hidden = this.#chosen.size === 0;
    this.#say(boxes, on);
    // Whether something is chosen decides whether the list keeps still.
    this.#list.querySelector("[data-live-rows]").dispatchEvent(new Event("change"));
  }

  #say(boxes, on) {
    const part = (name) => this.#bar.querySelector(name);
    const count = this.#list.querySelector("[data-live-count]").textContent;
    const more = boxes.length > 0 && on === boxes.length && count !== String(boxes.length);
    const left = [...this.#chosen.keys].filter((key) => this.#seen.has(key) && this.#isGone(key)).length;
    const words = this.#chosen.isAll ? `All ${count} selected` : `${this.#chosen.size.toLocaleString("en")} selected`;
    const note = left === 0 ? "" : `, ${left === 1 ? "one has" : `${left} have`} left this list`;
    // A line that says the same again would be read again.
    if (part("[data-bulk-count]").textContent !== words + note) part("[data-bulk-count]").textContent = words + note;
    part("[data-select-all]").hidden = this.#chosen.isAll || !more;
    part("[data-select-all-count]").textContent = count;
  }

  #isGone(key) {
    const row = this.#list.querySelector(`[data-live-rows] > [data-live-row][data-id="${CSS.escape(key)}"]`);
    return row === null || "liveGone" in row.dataset;
  }

  #begin(verb) {
    const address = new URL(this.#bar.dataset.begin, location);
    address.searchParams.set("do", verb);
    if (location.search) address.searchParams.set("query", location.search);
    if (this.#chosen.isAll) address.searchParams.set("all", "1");
    location.assign(address);
  }

  #export(kind) {
    const form = this.#page.getElementById("selection-export");
    if (this.#chosen.isAll) return location.assign(form.dataset[kind]);
    form.elements.rows.value = [...this.#chosen.keys].join(" ");
    form.elements.as.value = kind;
    form.elements.query.value = location.search;
    form.requestSubmit();
  }
}

/** The keys that are chosen of one list, as it is filtered; or all that match. */
class Chosen {
  #place;
  #filter;
  #keys = new Set();
  isAll = false;

  constructor(path, search = null) {
    this.#place = own(`livedesk-selection-${document.documentElement.dataset.person}-${path}`);
    this.#filter = search === null ? null : membership(search);
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#place));
      if (kept && (search === null || kept.filter === this.#filter)) {
        this.#keys = new Set(kept.keys);
        this.isAll = kept.isAll;
        this.#filter = kept.filter;
      }
    } catch {
      // Storage is forbidden: then it lasts as long as the page.
    }
  }

  get keys() {
    return this.#keys;
  }

  get size() {
    return this.isAll ? Infinity : this.#keys.size;
  }

  has(key) {
    return this.isAll || this.#keys.has(key);
  }

  /** `shown` are the keys of the page: of all that match, what isn't taken out there stays chosen. */
  put(keys, on, shown) {
    if (this.isAll && !on) {
      this.isAll = false;
      this.#keys = new Set(shown);
    }
    for (const key of keys) {
      if (on) this.#keys.add(key);
      else this.#keys.delete(key);
    }
    this.#keep();
  }

  all() {
    this.isAll = true;
    this.#keys.clear();
    this.#keep();
  }

  none() {
    this.isAll = false;
    this.#keys.clear();
    this.#keep();
  }

  forget() {
    try {
      sessionStorage.removeItem(this.#place);
    } catch {
      // Nothing was kept.
    }
  }

  #keep() {
    try {
      const kept = { filter: this.#filter, keys: [...this.#keys], isAll: this.isAll };
      sessionStorage.setItem(this.#place, JSON.stringify(kept));
    } catch {
      // As above.
    }
  }
}

function membership(search) {
  const asked = new URLSearchParams(search);
  for (const name of BESIDE) asked.delete(name);
  asked.sort();
  return asked.toString();
}

/** The form that begins: the rows, unless it came back with them, and a tick for whatever is filled in. */
function fill(form) {
  const rows = form.elements.namedItem("rows");
  if (rows && !rows.value) {
    const chosen = new Chosen(form.dataset.bulkBegin);
    rows.value = [...chosen.keys].join(" ");
    const words = form.parentElement.querySelector("[data-bulk-chosen]");
    const { singular, plural } = words.dataset;
    words.textContent = chosen.keys.size === 1 ? `1 ${singular}` : `${chosen.keys.size.toLocaleString("en")} ${plural}`;
  }
  const tick = ({ target }) => {
    const box = target.closest("[data-bulk-field]")?.querySelector("[name=set]");
    if (box && target !== box) box.checked = true;
  };
  form.addEventListener("input", tick);
  form.addEventListener("change", tick);
}
