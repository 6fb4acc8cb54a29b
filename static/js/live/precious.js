// What belongs to the user and not to the server: text not yet saved, and what a page marks [data-live-keep].

const CONTROLS = "input, select, textarea";

export function isPrecious(node, { deep = true } = {}) {
  if (!(node instanceof Element)) return false;
  if (isOwn(node)) return true;
  return deep && [...node.querySelectorAll(`${CONTROLS}, [data-live-keep], [contenteditable]`)].some(isOwn);
}

function isOwn(element) {
  return element.matches("[data-live-keep]") || isDirty(element);
}

/** Focus doesn't matter: what counts is that it differs from what the server sent. */
export function isDirty(element) {
  if (element instanceof HTMLTextAreaElement) return element.value !== element.defaultValue;
  if (element instanceof HTMLSelectElement) return isDirtySelect(element);
  if (element instanceof HTMLInputElement) return isDirtyInput(element);
  return element.isContentEditable && element.contains(document.activeElement);
}

function isDirtyInput(input) {
  // Which rows are chosen is kept by key (selection.js): a chosen row leaves the list like any other.
  if ("select" in input.dataset) return false;
  if (input.type === "checkbox" || input.type === "radio") return input.checked !== input.defaultChecked;
  if (input.type === "file") return input.files.length > 0;
  // A hidden value is the page's own; nobody typed it.
  if (input.type === "hidden") return false;
  return input.value !== input.defaultValue;
}

function isDirtySelect(select) {
  const options = [...select.options];
  const untouched = options.some((option) => option.defaultSelected);
  // Without a default the browser itself selects the first option of a single select.
  return options.some((option, index) => {
    const initially = untouched || select.multiple ? option.defaultSelected : index === 0;
    return option.selected !== initially;
  });
}
