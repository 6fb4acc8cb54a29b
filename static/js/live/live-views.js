import { LiveList } from "./live-list.js";
import { LiveRegion } from "./live-region.js";

/** All live elements of the page: attaches them on every (re)connect and hands each frame to those it is for. */
export class LiveViews {
  #socket;
  #page;
  #views = [];
  #greeted = false;

  constructor(socket, page) {
    this.#socket = socket;
    this.#page = page;
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
        this.#byId(frame.id).forEach((view) => view.end());
        return this.#notice(frame);
      case "revoked":
        this.#byKey(frame.view).forEach((view) => view.revoke());
        return this.#notice({ ...frame, reload: true });
      case "failed":
        this.#byKey(frame.view).forEach((view) => view.end());
        return this.#notice({ ...frame, reload: true });
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

  #follow() {
    for (const view of this.#views) {
      if (!view.root.isConnected) view.detach();
    }
    this.#views = this.#views.filter((view) => view.root.isConnected);
    const known = new Set(this.#views.map((view) => view.root));
    for (const root of this.#page.querySelectorAll("[data-live-list], [data-live-region]")) {
      if (!known.has(root)) this.#add(root);
    }
  }

  #add(root) {
    const kind = "liveList" in root.dataset ? LiveList : LiveRegion;
    const view = new kind(root, this.#socket);
    this.#views.push(view);
    if (this.#greeted) view.attach();
  }

  #byId(id) {
    return this.#views.filter((view) => view.id === id);
  }

  #byKey(key) {
    return this.#views.filter((view) => view.key === key);
  }

  #notice({ reason, reload = false }) {
    const detail = { reason, reload };
    this.#page.documentElement.dispatchEvent(new CustomEvent("live:notice", { bubbles: true, detail }));
  }
}
