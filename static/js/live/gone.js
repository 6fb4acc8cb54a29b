import { conceal } from "./conceal.js";

/** A record's tools and blocks go when it goes, as a reload would show, and come back when it does. */
export function followGone(page) {
  const taken = new Map();
  const look = () => {
    for (const element of page.querySelectorAll("[data-hide-when-gone]")) {
      const gone = element.closest(".page")?.querySelector("[data-gone]") ?? null;
      if (gone && !taken.has(element)) {
        taken.set(element, conceal(element));
        element.toggleAttribute("data-taken-out", true);
      }
    }
    for (const [element, restore] of taken) {
      if (element.closest(".page")?.querySelector("[data-gone]")) continue;
      taken.delete(element);
      restore();
      element.toggleAttribute("data-taken-out", false);
    }
  };
  look();
  page.addEventListener("live:patched", look);
}
