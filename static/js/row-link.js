// The whole row opens its record. A script does this, not a stretched link, so that the row's text can still be
// selected and its times still say when exactly. Without a script the style sheet stretches the link.
const ROWS = "tr[data-live-row], .board__card, .related__item, .summary__item, .entry";
const MAIN_LINK = ".table__name, .related__name, .summary__name, .entry__name";
const OWN = "a, button, input, select, textarea, label, summary";

export function startRowLinks() {
  document.addEventListener("click", (event) => open(event, event.ctrlKey || event.metaKey || event.shiftKey));
  document.addEventListener("auxclick", (event) => event.button === 1 && open(event, true));
}

function open(event, aside) {
  if (event.defaultPrevented || event.target.closest(OWN)) return;
  const link = event.target.closest(ROWS)?.querySelector(MAIN_LINK);
  if (!link?.href || !document.getSelection().isCollapsed) return;
  if (aside) window.open(link.href, "_blank", "noopener");
  else link.click();
}
