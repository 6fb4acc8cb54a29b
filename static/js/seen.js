// The revisions of single fields, in a form's hidden field: what a field was when its text was typed, or when somebody
// was told of another's change. The server measures each field by its own (realtime/pages/merging.py).

export function readSeen(form) {
  const parts = form.elements.namedItem("seen")?.value.split(" ").filter(Boolean) ?? [];
  return new Map(parts.map((part) => part.split(":")));
}

/** Without a revision, the field is measured by the form's own again. */
export function see(form, name, revision) {
  const control = form.elements.namedItem("seen");
  if (!control) return;
  const seen = readSeen(form);
  if (revision === null || revision === undefined) seen.delete(name);
  else seen.set(name, revision);
  control.value = [...seen].map((pair) => pair.join(":")).join(" ");
}
