import { LiveView } from "./live-view.js";
import { patchRegion } from "./live-patch.js";

/**
 * A [data-live-region]: one body of HTML, such as a detail page or a block of the dashboard. A [data-live-aside] is the
 * same, beside what the page is about: whoever looks for the page's regions doesn't find it.
 */
export class LiveRegion extends LiveView {
  get token() {
    return this.root.dataset.liveRegion ?? this.root.dataset.liveAside;
  }

  shown() {
    return { rows: [], count: null, parts: { body: this.root.dataset.version } };
  }

  apply(ops) {
    return patchRegion(this.root, ops);
  }
}
