// Fetches a list or a record that somebody is about to open. A plain fetch, so that the browser's cache has it: opening
// it then still asks the server, which answers 304 unless the page has changed since. So nothing old is ever shown.
import { below } from "./root.js";
import { rowLink } from "./row-link.js";

// A pointer that rests on a link for so long is probably going to press it.
const REST_MS = 65;
// What was fetched isn't fetched again so soon, nor are ever so many pages at once or from one page.
const AGAIN_AFTER_MS = 30_000;
const AT_ONCE = 2;
const FROM_ONE_PAGE = 60;
// Lists and records. Nothing that a GET would use up, hand out as a file, or lead elsewhere.
const PAGES = /^(?:crm|ticketing)\/[a-z]+\/(?:[0-9a-f-]+\/)?$/;

const fetched = new Map();
let underWay = 0;
let count = 0;
let timer = null;

export function startPrefetching() {
  document.addEventListener("pointerover", ({ target, pointerType }) => pointerType === "mouse" && rest(linkAt(target)));
  document.addEventListener("pointerout", () => clearTimeout(timer));
  document.addEventListener("focusin", ({ target }) => rest(linkAt(target)));
  document.addEventListener("focusout", () => clearTimeout(timer));
  document.addEventListener("touchstart", ({ target }) => prefetch(linkAt(target)), { passive: true });
}

function linkAt(target) {
  return target.closest("a[href]") ?? rowLink(target);
}

function rest(link) {
  clearTimeout(timer);
  if (link) timer = setTimeout(prefetch, REST_MS, link);
}

async function prefetch(link) {
  if (!link || link.target || link.hasAttribute("download") || savesData()) return;
  const url = new URL(link.href);
  url.hash = "";
  const isHere = url.href === location.href.split("#")[0];
  if (isHere || !PAGES.test(below(url.href) ?? "")) return;
  if (underWay >= AT_ONCE || count >= FROM_ONE_PAGE || Date.now() - (fetched.get(url.href) ?? 0) < AGAIN_AFTER_MS) return;
  fetched.set(url.href, Date.now());
  underWay += 1;
  count += 1;
  try {
    // Read to the end: a cache keeps nothing that breaks off.
    const answer = await fetch(url, { priority: "low", headers: { "Livedesk-Prefetch": "1" } });
    await answer.arrayBuffer();
  } catch {
    // Whoever opens it is told.
  } finally {
    underWay -= 1;
  }
}

function savesData() {
  const { connection } = navigator;
  return Boolean(connection?.saveData || connection?.effectiveType?.includes("2g"));
}
