import { isPrecious } from "./precious.js";

/**
 * Takes everything out of an element but what the user typed and hasn't sent; the returned function puts it all back.
 * Taken out, not hidden: what may not be seen isn't in the page any more, only in this script's hands.
 */
export function conceal(element) {
  const taken = [];
  takeOut(element, taken);
  return () => {
    for (const [placeholder, node] of taken.reverse()) placeholder.replaceWith(node);
  };
}

function takeOut(element, taken) {
  for (const node of [...element.childNodes]) {
    // The name of what was typed into says nothing of any record, nor does the form's own (its person, its revision).
    if (node instanceof HTMLLabelElement && isPrecious(node.control)) continue;
    if (node instanceof HTMLInputElement && node.type === "hidden" && isPrecious(element)) continue;
    if (!(node instanceof Element) || !isPrecious(node)) {
      const placeholder = document.createComment("");
      node.replaceWith(placeholder);
      taken.push([placeholder, node]);
    } else if (!isPrecious(node, { deep: false })) {
      takeOut(node, taken);
    }
  }
}
