// How lists take changes, as the signed-in person wants it: "live" as soon as nothing is disturbed, on request ("pill"),
// or not even in rows that stay where they are ("paused").
import { own } from "../root.js";

const PACES = ["live", "pill", "paused"];

const key = () => own(`livedesk-pace-${document.documentElement.dataset.person}`);
// For as long as the page lives where storage is forbidden (private mode, policy).
let chosen = null;

export function pace() {
  try {
    chosen = localStorage.getItem(key()) ?? chosen;
  } catch {
    return chosen ?? "live";
  }
  return PACES.includes(chosen) ? chosen : "live";
}

export function startPaceSwitch() {
  show();
  document.addEventListener("click", ({ target }) => {
    const choice = target.closest?.("[data-pace-choice]")?.dataset.paceChoice;
    if (!choice) return;
    chosen = choice;
    try {
      localStorage.setItem(key(), choice);
    } catch {
      // It holds for this page.
    }
    changed();
  });
  window.addEventListener("storage", (event) => event.key === key() && changed());
}

function changed() {
  show();
  window.dispatchEvent(new CustomEvent("live:pace"));
}

function show() {
  for (const button of document.querySelectorAll("[data-pace-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.paceChoice === pace()));
  }
}
