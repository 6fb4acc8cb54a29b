// The popup is in the browser's top layer, where nothing clips it, so it is placed here: below its field, or above where
// there is more room. It never reaches over the edge of what is visible, keyboards of touch screens included.

const GAP = 4;
const EDGE = 8;
const ENOUGH = 240;
// A name and what tells it apart have room in this, however narrow the field.
const NARROWEST = 288;

export function placePopup(popup, field) {
  const { left, top, bottom, width } = field.getBoundingClientRect();
  const view = window.visualViewport ?? { offsetTop: 0, height: innerHeight };
  const below = view.offsetTop + view.height - bottom - GAP - EDGE;
  const above = top - view.offsetTop - GAP - EDGE;
  const isAbove = below < ENOUGH && above > below;
  const { clientWidth, clientHeight } = document.documentElement;
  const wide = Math.min(Math.max(width, NARROWEST), clientWidth - 2 * EDGE);
  const { style } = popup;
  style.left = `${Math.max(EDGE, Math.min(left, clientWidth - EDGE - wide))}px`;
  style.width = `${wide}px`;
  style.maxHeight = `${Math.max(isAbove ? above : below, 0)}px`;
  style.top = isAbove ? "auto" : `${bottom + GAP}px`;
  style.bottom = isAbove ? `${clientHeight - top + GAP}px` : "auto";
}
