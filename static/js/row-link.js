// The whole row opens its record. A script does this, not a stretched link, so that the row's text can still be
// selected and its times still say when exactly. Without a script the style sheet stretches the link.
const ROWS = "tr[data-live-row], .board__card, .related__item, .summary__item, .entry";
const MAIN_LINK = ".table__name, .related__name, .summary__name, .entry__name";
const OWN = "a, button, input, select, textarea, label, summary";

export function startRowLinks() {
  document.addEventListener("click", (event) => open(event, event.ctrlKey || event.metaKey || event.shiftKey));
  document.addEventListener("auxclick", (event) => event.button === 1 && open(event, true));
}

/** The link that a click on this part of a row follows; none on what has a use of its own. */
export function rowLink(target) {
  const link = target.closest(OWN) ? null : target.closest(ROWS)?.querySelector(MAIN_LINK);
  return link?.href ? link : null;
}

function open(event, aside) {
  if (event.defaultPrevented) return;
  const link = rowLink(event.target);
  if (!link || !document.getSelection().isCollapsed) return;
  if (aside) window.open(link.href, "_blank", "noopener");
  else link.click();
}
