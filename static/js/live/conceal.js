import { isPrecious } from "./precious.js";

/**
 * Takes everything out of an element except what the user typed and hasn't sent; the returned function puts it all
 * back. Taken out, not hidden: what may not be seen is no longer in the page, only in this script's hands.
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
    // The label of a field that was typed into says nothing about any record, nor do the form's hidden fields (its
    // person, its revision).
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
