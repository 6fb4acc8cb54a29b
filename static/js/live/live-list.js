import { LiveView } from "./live-view.js";
import { patchList, rowsOf } from "./live-patch.js";

/** A [data-live-list]: rows in order, the count, and named parts such as the pager. */
export class LiveList extends LiveView {
  get token() {
    return this.root.dataset.liveList;
  }

  shown() {
    const parts = this.root.querySelectorAll("[data-live-part]");
    return {
      rows: rowsOf(this.root).map((row) => [row.dataset.id, row.dataset.version]),
      count: this.root.querySelector("[data-live-count]")?.textContent ?? null,
      parts: Object.fromEntries([...parts].map((part) => [part.dataset.livePart, part.dataset.version])),
    };
  }

  apply(ops) {
    return patchList(this.root, ops);
  }
}
