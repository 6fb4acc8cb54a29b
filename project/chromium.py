"""Chromium as tests and bin/chaos use it: where it is, how it starts, and what one of our pages shows."""

import os
import shutil
from pathlib import Path

# The headless shell is the same engine without the browser around it, and takes less of a machine.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# A list that somebody uses, and each later page, holds back what would move until it is asked for.
TAKE_WHAT_WAITS = """
() => document.querySelectorAll("[data-live-pending]:not([hidden]) [data-live-apply]").forEach((it) => it.click())
"""

# Everything that must be equal: rows with their content, counts, parts, regions. What concerns only this visit is left
# out: the state of the connection, tokens, the "just updated" badge, who else is there, and how long ago a moment is.
READ_PAGE = """
() => {
  const leftOut = ["list", "region", "aside", "state", "updated"].map((name) => `data-live-${name}`).concat("class");
  const clean = (element) => {
    const copy = element.cloneNode(true);
    for (const badge of copy.querySelectorAll("live-update-indicator")) badge.remove();
    for (const place of copy.querySelectorAll("live-presence, write-mark")) place.replaceChildren();
    for (const time of copy.querySelectorAll("local-time time")) time.textContent = time.dateTime;
    for (const node of [copy, ...copy.querySelectorAll("*")]) {
      for (const { name } of [...node.attributes]) {
        if (leftOut.includes(name)) node.removeAttribute(name);
      }
    }
    return copy.outerHTML.replace(/\\s+/g, " ");
  };
  const kinds = ["row", "count", "part", "region", "aside"].map((kind) => `[data-live-${kind}]`);
  return [...document.querySelectorAll(kinds.join())].map(clean);
}
"""


def find_chromium() -> Path:
    """The machine's Chromium, or the one that the variable CHROMIUM names. Raises FileNotFoundError."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        raise FileNotFoundError(f"no Chromium was found (looked for {named or ', '.join(NAMES)})")
    return Path(found)
