// The bell beside what the server paints and patches: its forms are sent in the background, the tab's title counts, and
// the browser tells of what comes while nobody looks, for whoever has switched that on.
import { CUT, explain, KEPT } from "../answers.js";
import { outbox } from "../outbox/outbox.js";
import { at, own } from "../root.js";

const COUNTED = /^\(\d+\+?\) /;

export function startBell(page) {
  const bell = page.querySelector("[data-bell]");
  if (bell) new Bell(page, bell);
}

class Bell {
  #page;
  #bell;
  #newestOnes;
  #outside = new Outside();

  constructor(page, bell) {
    this.#page = page;
    this.#bell = bell;
    this.#newestOnes = page.querySelector("[data-told-newest]");
    this.#bell.addEventListener("live:patched", () => this.#count());
    this.#newestOnes.addEventListener("live:patched", ({ detail }) => this.#patched(detail));
    page.getElementById("told-form").addEventListener("submit", (event) => this.#onSubmit(event));
    this.#outside.start(page.querySelector("[data-told-outside]"));
    this.#outside.seen(this.#newest);
    this.#count();
  }

  get #entries() {
    return [...this.#newestOnes.querySelectorAll("[data-told]")];
  }

  /** The number of the newest; 0 where there is none. */
  get #newest() {
    return Math.max(0, ...this.#entries.map(({ dataset }) => Number(dataset.told)));
  }

  #patched({ source }) {
    const fresh = this.#outside.fresh(this.#entries.filter((entry) => entry.matches(".told--unread")));
    if (!fresh.length) return;
    const words = wordsOf(fresh[0]);
    const sentence = fresh.length > 1 ? `${words}, and ${fresh.length - 1} more` : words;
    if (source === "patch" && !document.hidden) {
      window.dispatchEvent(new CustomEvent("live:said", { detail: { sentence: `Notification: ${sentence}` } }));
    }
    this.#outside.tell(sentence, this.#newest, fresh[0].querySelector("a").href);
  }

  #count() {
    const unread = this.#bell.querySelector("[data-unread]")?.dataset.unread ?? "0";
    const title = this.#page.title.replace(COUNTED, "");
    this.#page.title = unread === "0" ? title : `(${unread}) ${title}`;
  }

  async #onSubmit(event) {
    event.preventDefault();
    const { target: form, submitter } = event;
    const address = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
    const write = { address, data: new FormData(form, submitter), title: "Notifications: mark as read" };
    const { kind, status } = await outbox.write(write);
    if (kind === "waits") return said(KEPT);
    if (kind === "none") return said(CUT);
    if (kind !== "done") return said(explain(status));
    // A page that isn't live can't show the result, so it is loaded again.
    if (document.documentElement.dataset.realtimeStatus !== "connected") location.reload();
  }
}

function said(reason) {
  document.documentElement.dispatchEvent(new CustomEvent("live:notice", { bubbles: true, detail: { reason } }));
}

/** As the bell shows it, without the word that only screen readers get, and without the time. */
function wordsOf(entry) {
  const words = entry.querySelector(".told__words").cloneNode(true);
  words.querySelectorAll(".visually-hidden").forEach((hidden) => hidden.remove());
  return words.textContent.trim();
}

/** Notifications of the browser, by one tab of all that are open, and only while none of this tab is to be seen. */
class Outside {
  #key = own(`livedesk-told-outside-${document.documentElement.dataset.person}`);
  #seenKey = own(`livedesk-told-${document.documentElement.dataset.person}`);
  #seen = 0;

  start(panel) {
    if (!panel || !("Notification" in window)) return;
    panel.hidden = false;
    const button = panel.querySelector("[data-told-outside-switch]");
    button.addEventListener("click", async () => {
      // Browsers ask at a click only, and so it should be.
      if (this.#isOn) store(this.#key, "");
      else if ((await Notification.requestPermission()) === "granted") store(this.#key, "on");
      this.#show(panel, button);
    });
    this.#show(panel, button);
  }

  get #isOn() {
    return "Notification" in window && Notification.permission === "granted" && stored(this.#key) === "on";
  }

  #show(panel, button) {
    const denied = Notification.permission === "denied";
    const state = this.#isOn ? "This browser shows notifications while Livedesk is in the background." : "This browser shows no notifications.";
    panel.querySelector("[data-told-outside-state]").textContent = denied
      ? "This browser doesn’t let Livedesk show notifications. You can allow it in the settings of the browser."
      : state;
    button.hidden = denied;
    button.textContent = this.#isOn ? "Switch off in this browser" : "Show them in this browser";
  }

  seen(newest) {
    this.#seen = Math.max(this.#seen, newest);
  }

  /** Those that weren't there before. */
  fresh(entries) {
    const found = entries.filter(({ dataset }) => Number(dataset.told) > this.#seen);
    this.seen(Math.max(0, ...found.map(({ dataset }) => Number(dataset.told))));
    return found;
  }

  tell(sentence, newest, address) {
    // Somebody looks at the bell itself: the tabs behind have nothing to add.
    if (!document.hidden) return store(this.#seenKey, String(newest));
    if (!this.#isOn || !navigator.locks) return;
    // One tab after the other: whoever comes first tells.
    navigator.locks.request(this.#seenKey, () => {
      if (Number(stored(this.#seenKey)) >= newest) return;
      store(this.#seenKey, String(newest));
      show(sentence, address);
    });
  }
}

function show(sentence, address) {
  try {
    const shown = new Notification("Livedesk", { body: sentence, tag: address, icon: at("static/img/livedesk.svg") });
    shown.addEventListener("click", () => {
      window.focus();
      location.assign(address);
      shown.close();
    });
  } catch {
    // Some browsers on phones only show what a service worker shows.
  }
}

function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is forbidden: nothing is shown outside the page.
  }
}
