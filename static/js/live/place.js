// Where the user is on the page: focus, caret, selected text, and the row at the top of the screen.

/** Call before a change; the returned function puts everything back after it. */
export function keepPlace(rows, movedIds) {
  const restoreFocus = keepFocus();
  const restoreSelection = keepSelection();
  const restoreScroll = keepScroll(rows, movedIds);
  return () => {
    restoreFocus();
    restoreSelection();
    restoreScroll();
  };
}

function keepFocus() {
  const element = document.activeElement;
  if (!element || element === document.body) return () => {};
  const caret = caretOf(element);
  return () => {
    if (!element.isConnected) return;
    // preventScroll: the user looks where they look, even when the focused row moved.
    if (document.activeElement !== element) element.focus({ preventScroll: true });
    if (caret && element.selectionStart !== caret[0]) element.setSelectionRange(...caret);
  };
}

function caretOf(element) {
  // Number, e-mail and date inputs have no caret to ask for: the property is null there.
  if (typeof element.selectionStart !== "number") return null;
  return [element.selectionStart, element.selectionEnd, element.selectionDirection];
}

function keepSelection() {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed) return () => {};
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  return () => {
    if (selection.anchorNode === anchorNode && selection.focusNode === focusNode && !selection.isCollapsed) return;
    if (!anchorNode.isConnected || !focusNode.isConnected) return;
    if (anchorOffset > lengthOf(anchorNode) || focusOffset > lengthOf(focusNode)) return;
    selection.setBaseAndExtent(anchorNode, anchorOffset, focusNode, focusOffset);
  };
}

function lengthOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.childNodes.length : node.nodeValue.length;
}

// Following a row that moves would carry the page away, so only rows that stay can be the anchor.
function keepScroll(rows, movedIds) {
  const header = document.querySelector("[data-sticky-header]")?.getBoundingClientRect().bottom ?? 0;
  const top = Math.max(0, header);
  // At the head of a list new rows should come into view; below it the page must stand still.
  if (!rows.length || rows[0].getBoundingClientRect().bottom > top) return () => {};
  const anchors = rows
    .filter((row) => !movedIds.has(row.dataset.id))
    .map((row) => [row, row.getBoundingClientRect()])
    .filter(([, box]) => box.bottom > top && box.top < innerHeight)
    .map(([row, box]) => [row, box.top]);
  return () => {
    const anchor = anchors.find(([row]) => row.isConnected);
    if (!anchor) return;
    const drift = anchor[0].getBoundingClientRect().top - anchor[1];
    if (Math.abs(drift) >= 1) scrollBy({ top: drift, behavior: "instant" });
  };
}
