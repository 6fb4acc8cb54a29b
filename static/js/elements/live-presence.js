import { presence } from "../live/presence.js";
import { presenceWords } from "../live/presence-words.js";

const FACES = 3;

/**
 * Who else is at the record [data-presence="<table>/<key>"]: initials, and beside or behind them the words. The server
 * paints it empty, so a row that was patched equals a reloaded one; it fills itself again.
 *
 * With [data-only="writing"] it shows only those who write; with [data-announce], screen readers hear who begins to edit
 * or write.
 */
export class LivePresence extends HTMLElement {
  static observedAttributes = ["data-presence"];
  #shown = "";
  #busy = new Set();

  connectedCallback() {
    presence.addEventListener("change", this);
    this.#show();
  }

  disconnectedCallback() {
    presence.removeEventListener("change", this);
  }

  // Without it a row that moves would lose and fill it.
  connectedMoveCallback() {}

  attributeChangedCallback() {
    if (this.isConnected) this.#show();
  }

  handleEvent() {
    this.#show();
  }

  #show() {
    const there = this.#there();
    const now = JSON.stringify(there);
    if (now === this.#shown) return;
    this.#shown = now;
    if (there.people.length + there.more === 0) this.replaceChildren();
    else this.replaceChildren(faces(there), words(there));
    if ("announce" in this.dataset) this.#announce(there.people);
  }

  #there() {
    const { people, more } = presence.at(this.dataset.presence);
    const { only } = this.dataset;
    return only ? { people: people.filter(({ doing }) => doing === only), more: 0 } : { people, more };
  }

  #announce(people) {
    const busy = people.filter(({ doing, idle }) => doing !== "viewing" && !idle);
    const begun = busy.filter(({ person, doing }) => !this.#busy.has(person + doing));
    this.#busy = new Set(busy.map(({ person, doing }) => person + doing));
    if (!begun.length) return;
    const line = document.createElement("p");
    line.append(...presenceWords({ people: begun, more: 0 }));
    const detail = { sentence: line.textContent };
    this.dispatchEvent(new CustomEvent("live:said", { bubbles: true, detail }));
  }
}

function faces({ people, more }) {
  const all = document.createElement("span");
  all.className = "presence__faces";
  // The words beside them say the same.
  all.ariaHidden = "true";
  const total = people.length + more;
  const shown = total > FACES ? people.slice(0, FACES - 1) : people;
  all.append(...shown.map(face));
  if (total > shown.length) all.append(drawn("avatar presence__more", `+${total - shown.length}`));
  return all;
}

function face({ initials, colour, doing, idle }) {
  const circle = drawn(`avatar avatar--${colour} presence__face`, initials);
  circle.dataset.state = idle ? "idle" : doing;
  return circle;
}

function drawn(className, text) {
  const circle = document.createElement("span");
  circle.className = className;
  circle.textContent = text;
  return circle;
}

function words(there) {
  const line = document.createElement("span");
  line.className = "presence__words";
  line.append(...presenceWords(there));
  return line;
}

// The words that a row shows on hover and focus cover its neighbour: Escape puts them away (WCAG 1.4.13).
const WITH_WORDS = ".presence--row:hover, [data-live-row]:has(:focus-visible) .presence--row";

function putAway({ key }) {
  if (key === "Escape") document.querySelectorAll(WITH_WORDS).forEach((host) => host.classList.add("presence--away"));
}

function bringBack() {
  document.querySelectorAll(".presence--away").forEach((host) => host.classList.remove("presence--away"));
}

if (customElements.get("live-presence") === undefined) {
  customElements.define("live-presence", LivePresence);
  document.addEventListener("keydown", putAway);
  document.addEventListener("focusin", bringBack);
  document.addEventListener("pointerover", bringBack);
}
