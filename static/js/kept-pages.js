// What the service worker keeps for reading without a network (service-worker.js), as the page sees it.
import { at, own } from "./root.js";

const PAGES = own("livedesk-pages-");

export function startKeptPages() {
  if (!("serviceWorker" in navigator)) return;
  // The page itself comes first.
  window.addEventListener("load", () => navigator.serviceWorker.register(at("sw.js"), { updateViaCache: "none" }).catch(() => {}));
}

/** The session has ended, or somebody else has signed in. */
export async function forgetKeptPages() {
  if (!("caches" in window)) return;
  const names = (await caches.keys()).filter((name) => name.startsWith(PAGES));
  await Promise.all(names.map((name) => caches.delete(name)));
}
