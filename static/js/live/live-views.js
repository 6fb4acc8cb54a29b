import { LiveList } from "./live-list.js";
import { LiveRegion } from "./live-region.js";

/** All live elements of the page: attaches them on every (re)connect and hands each frame to the right ones. */
export class LiveViews {
  #socket;
  #page;
  #views = [];
  #greeted = false;
  #onChange;

  constructor(socket, page, { onChange = () => {} } = {}) {
    this.#socket = socket;
    this.#page = page;
    this.#onChange = onChange;
  }

  /** A sentence about the first element that is out of date, or an empty string. */
  get trouble() {
    return this.#views.map((view) => view.trouble).find(Boolean) ?? "";
  }

  get settled() {
    return this.#views.every((view) => view.settled);
  }

  /** The id of the region that the page is about, as it attaches; undefined where that is no single record. */
  get principal() {
    return this.#views.find(({ root }) => "livePrincipal" in root.dataset && "liveRegion" in root.dataset)?.id;
  }

  start() {
    this.#follow();
    // A patched region may have brought a live element along, or taken one away.
    this.#page.addEventListener("live:patched", () => this.#follow());
    this.#socket.addEventListener("frame", ({ detail }) => this.#onFrame(detail));
    this.#socket.addEventListener("state", () => this.#views.forEach((view) => view.showState()));
  }

  #onFrame(frame) {
    switch (frame.type) {
      case "hello":
        return this.#onHello();
      case "lost":
        this.#greeted = false;
        return this.#views.forEach((view) => view.lost());
      case "attached":
        return this.#byId(frame.id).forEach((view) => view.onAttached(frame));
      case "patch":
        return this.#byKey(frame.view).forEach((view) => view.onPatch(frame));
      case "resync":
        return this.#byKey(frame.view).forEach((view) => view.resync());
      case "refused":
        if (frame.revoked) return this.#revoke(this.#byId(frame.id), frame);
        this.#byId(frame.id).forEach((view) => view.end(frame.reason));
        return this.#notice(frame);
      case "revoked":
        return this.#revoke(this.#byKey(frame.view), frame);
      case "failed":
        return ("id" in frame ? this.#byId(frame.id) : this.#byKey(frame.view)).forEach((view) => view.onFailed(frame));
      case "healed":
        return this.#byKey(frame.view).forEach((view) => view.onHealed());
      case "rights":
        return this.#notice({ reason: "What your account may do has changed.", reload: true });
      case "words":
        return this.#onWords(frame.words);
      case "outdated":
        return this.#notice({ reason: "A new version is available.", reload: true });
      case "error":
        return this.#notice(frame);
    }
  }

  #onHello() {
    this.#greeted = true;
    for (const view of this.#views) {
      view.lost();
      view.attach();
    }
  }

  /** When the element that a page is about goes, the whole page goes: its title, form and links name the record too. */
  #revoke(views, frame) {
    for (const view of views) {
      view.revoke();
      const principal = "livePrincipal" in view.root.dataset;
      if (principal) view.root.dispatchEvent(new CustomEvent("live:revoked", { bubbles: true }));
    }
    this.#notice({ ...frame, reload: true });
  }

  #follow() {
    for (const view of this.#views) {
      if (!isWhole(view.root)) view.detach();
    }
    this.#views = this.#views.filter((view) => isWhole(view.root));
    const known = new Set(this.#views.map((view) => view.root));
    for (const root of this.#page.querySelectorAll("[data-live-list], [data-live-region], [data-live-aside]")) {
      if (!known.has(root) && isWhole(root)) this.#add(root);
    }
  }

  #add(root) {
    const kind = "liveList" in root.dataset ? LiveList : LiveRegion;
    const view = new kind(root, this.#socket, () => this.#onChange());
    this.#views.push(view);
    if (this.#greeted) view.attach();
  }

  #byId(id) {
    return this.#views.filter((view) => view.id === id);
  }

  #byKey(key) {
    return this.#views.filter((view) => view.key === key);
  }

  /** Rows follow by themselves; what else the page offers was painted with the words that there were. */
  #onWords(words) {
    const painted = this.#page.documentElement.dataset.words;
    if (painted && words !== painted) {
      this.#notice({ reason: "The choices for status, priority or type have changed.", reload: true });
    }
  }

  #notice({ reason, reload = false }) {
    const detail = { reason, reload };
    this.#page.documentElement.dispatchEvent(new CustomEvent("live:notice", { bubbles: true, detail }));
  }
}

/** Typed text keeps an element in the page whose other contents have gone with the record: it can't follow anything. */
function isWhole(root) {
  return root.isConnected && !root.closest("[data-taken-out]");
}
