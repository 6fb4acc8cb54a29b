import { own } from "../root.js";

const KEY = own("livedesk.here");

/**
 * Tells the browser's other tabs that this one has been loaded, and calls `onLoad` when another one has: after a new
 * sign-in in a new tab the old ones are as they were. It uses storage, because a BroadcastChannel keeps pages out of
 * the back/forward cache.
 */
export function followOtherTabs(onLoad) {
  window.addEventListener("storage", ({ key }) => key === KEY && onLoad());
  try {
    localStorage.setItem(KEY, String(Date.now()));
  } catch {
    // Where storage is forbidden, a tab asks by itself when somebody looks at it.
  }
}
