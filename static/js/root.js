// Where the portal stands on its host: "/", or a path such as "/portal/" (URL_PREFIX). Its static files lie right below.
export const root = new URL("../../", import.meta.url).pathname;

/** The path on this host of one of the portal's own addresses, as in at("ws/live/"). */
export function at(path) {
  return root + path;
}

/** What comes behind the root in one of the portal's addresses; null when the address leads elsewhere. */
export function below(address) {
  const { origin, pathname } = new URL(address, location.href);
  return origin === location.origin && pathname.startsWith(root) ? pathname.slice(root.length) : null;
}

/** The name of something that the browser keeps for the whole host: other portals there have their own. */
export function own(name) {
  return root === "/" ? name : `${root} ${name}`;
}

/** Cookies' names can't hold a slash; COOKIE_SUFFIX in project/settings.py is the same. */
export function ownCookie(name) {
  return name + root.slice(0, -1).replaceAll("/", "_");
}
