const KEY = "livedesk.here";

/**
 * Tells the browser's other tabs that this one has been loaded, and `onLoad` when another one has: whoever signs in again
 * in a new tab finds the old ones as they were. By storage, for a BroadcastChannel keeps pages out of the browser's memory.
 */
export function followOtherTabs(onLoad) {
  window.addEventListener("storage", ({ key }) => key === KEY && onLoad());
  try {
    localStorage.setItem(KEY, String(Date.now()));
  } catch {
    // Where storage is forbidden, a tab that is looked at asks by itself.
  }
}
