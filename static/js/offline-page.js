// The page in the place of one that isn't kept: what can be read instead.
import { own } from "./root.js";

const PAGES = own("livedesk-pages-");

for (const name of await caches.keys()) {
  if (!name.startsWith(PAGES)) continue;
  const cache = await caches.open(name);
  for (const request of (await cache.keys()).reverse()) await list(cache, request);
}
// The server is back: the page that was asked for is at this address.
window.addEventListener("online", () => location.reload());

async function list(cache, request) {
  const kept = await cache.match(request);
  if (!kept.headers.get("Content-Type").startsWith("text/html")) return;
  const read = new DOMParser().parseFromString(await kept.text(), "text/html");
  const link = document.createElement("a");
  link.href = request.url;
  link.textContent = read.title.replace(/ · Livedesk$/, "");
  link.dir = "auto";
  const item = document.createElement("li");
  item.append(link);
  document.querySelector("[data-kept-pages]").append(item);
  document.querySelector("[data-kept]").hidden = false;
}
