// Keeps the pages of records that this browser's person has opened lately, to be read without a network. The network
// always comes first: a kept page is shown only when the server can't be reached, and says so. sw.js sets BUILD and ROOT.
// Caches belong to the whole host: the names are those of static/js/root.js, which a service worker can't import.
const OWN = ROOT === "/" ? "" : `${ROOT} `;
const PAGES = `${OWN}livedesk-pages-`;
const STATICS = `${OWN}livedesk-static-`;
const STATIC = STATICS + BUILD;
const FILES = `${ROOT}static/`;
const NOT_KEPT = `${ROOT}offline/`;
const SIGN_IN = `${ROOT}sign-in/`;
const SIGN_OUT = `${ROOT}sign-out/`;
// "<person> <end of the session> <root>"; realtime/pages/offline.py says on which pages.
const READER = "Livedesk-Reader";
const KEPT_AT = "Livedesk-Kept-At";
const MOST_PAGES = 50;
const LARGEST_PAGE = 1_500_000;
// Somebody with a kept page waits no longer for the network.
const PATIENCE_MS = 10_000;
// The name of a file that never changes has a hash in it.
const HASHED = /\.[0-9a-f]{12}\.\w+$/;
// From a proxy whose server is away.
const AWAY = [502, 503, 504];

// Whoever signs out meanwhile doesn't want to see kept what was asked for before.
let generation = 0;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (url.pathname === SIGN_OUT && request.method === "POST") return event.waitUntil(forgetPages());
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (url.pathname.startsWith(FILES) && HASHED.test(url.pathname)) event.respondWith(file(event));
  else if (request.destination === "style") event.respondWith(page(event));
});

async function install() {
  const cache = await caches.open(STATIC);
  const page = await fetch(NOT_KEPT, { cache: "no-store" });
  // The page's own files: nobody has loaded them when it is needed.
  const files = [...(await page.clone().text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file);
  await cache.addAll(files.filter((file) => HASHED.test(file)));
  await cache.put(NOT_KEPT, page);
  await self.skipWaiting();
}

/** The scripts of an older build's pages are gone, so those pages go as well. */
async function activate() {
  await forgetPages();
  const old = (await caches.keys()).filter((name) => name.startsWith(STATICS) && name !== STATIC);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

async function forgetPages(except = "") {
  generation += 1;
  const pages = (await caches.keys()).filter((name) => name.startsWith(PAGES) && name !== except);
  await Promise.all(pages.map((name) => caches.delete(name)));
}

async function file(event) {
  const kept = await caches.match(event.request);
  if (kept) return kept;
  const answer = await fetch(event.request);
  if (answer.ok) {
    const copy = answer.clone();
    event.waitUntil(caches.open(STATIC).then((cache) => cache.put(event.request, copy)));
  }
  return answer;
}

async function page(event) {
  const began = generation;
  const kept = await keptPage(event.request);
  const answer = await asked(event, kept !== null);
  if (answer && !isAway(answer)) {
    // Only what is kept is copied: an export may be a million rows.
    // Another portal may stand below this one's path, and its own worker may not be there yet.
    const isOurs = answer.headers.get(READER)?.split(" ")[2] === ROOT;
    const copy = isOurs ? answer.clone() : null;
    event.waitUntil(noteWhose(event.request, answer, copy, began));
    return answer;
  }
  if (kept) return shown(kept);
  const instead = event.request.mode === "navigate" ? await caches.match(NOT_KEPT) : null;
  return instead ?? answer ?? Response.error();
}

/** The server's answer; null when there is none, or when it takes too long for somebody who has a kept page. */
async function asked(event, isKept) {
  const asking = Promise.resolve(event.preloadResponse)
    .then((preloaded) => preloaded ?? fetch(event.request))
    .catch(() => null);
  if (!isKept) return asking;
  return Promise.race([asking, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null))]);
}

/** Everything that we answer has our policy. */
function isAway({ status, headers }) {
  return AWAY.includes(status) && !headers.has("Content-Security-Policy");
}

async function noteWhose(request, answer, copy, began) {
  if (!copy) {
    // Nobody is signed in here any more.
    if (request.mode === "navigate" && answer.ok && new URL(request.url).pathname === SIGN_IN) await forgetPages();
    return;
  }
  const name = PAGES + answer.headers.get(READER).split(" ")[0];
  const text = await copy.text();
  const isOthers = (await caches.keys()).some((other) => other.startsWith(PAGES) && other !== name);
  if (isOthers) await forgetPages(name);
  else if (generation !== began) return;
  if (text.length > LARGEST_PAGE) return;
  const headers = new Headers(answer.headers);
  headers.set(KEPT_AT, new Date().toISOString());
  const cache = await caches.open(name);
  // The newest comes last.
  await cache.delete(keyOf(request));
  await cache.put(keyOf(request), new Response(text, { headers }));
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - MOST_PAGES)).map((old) => cache.delete(old)));
}

/** The browser's own request varies with what it was made for; the address alone says which page it is. */
function keyOf({ url }) {
  const address = new URL(url);
  address.hash = "";
  return address.href;
}

async function keptPage(request) {
  for (const name of await caches.keys()) {
    if (!name.startsWith(PAGES)) continue;
    const kept = await (await caches.open(name)).match(keyOf(request), { ignoreVary: true });
    if (kept && Number(kept.headers.get(READER).split(" ")[1]) * 1000 > Date.now()) return kept;
  }
  return null;
}

/** The page itself says how old it is (static/js/elements/realtime-connection-banner.js). */
async function shown(kept) {
  const text = await kept.text();
  const asOf = kept.headers.get(KEPT_AT);
  return new Response(text.replace("<html ", `<html data-as-of="${asOf}" `), { headers: kept.headers });
}
