// The popup is in the browser's top layer, where nothing clips it, so it is placed here: below its field, or above where
// there is more room. It never reaches over the edge of what is visible, keyboards of touch screens included.

const GAP = 4;
const EDGE = 8;
const ENOUGH = 240;
// A name and what tells it apart have room in this, however narrow the field.
const NARROWEST = 288;

export function placePopup(popup, field) {
  const { left, top, bottom, width } = field.getBoundingClientRect();
  const { offsetTop = 0, height = innerHeight } = window.visualViewport ?? {};
  const { clientWidth, clientHeight } = document.documentElement;
  const [first, last] = [offsetTop + EDGE, offsetTop + height - EDGE];
  // The field itself may have been scrolled away.
  const [start, end] = [Math.max(bottom + GAP, first), Math.min(top - GAP, last)];
  const [below, above] = [last - start, end - first];
  const isAbove = below < ENOUGH && above > below;
  const wide = Math.min(Math.max(width, NARROWEST), clientWidth - 2 * EDGE);
  const { style } = popup;
  style.left = `${Math.max(EDGE, Math.min(left, clientWidth - EDGE - wide))}px`;
  style.width = `${wide}px`;
  style.maxHeight = `${Math.max(isAbove ? above : below, 0)}px`;
  style.top = isAbove ? "auto" : `${start}px`;
  style.bottom = isAbove ? `${clientHeight - end}px` : "auto";
}
