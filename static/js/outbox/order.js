// Whoever writes twice to one record means the second on top of the first, not against it.

/**
 * The fields of `later` as they are once `earlier` was done at `revision`; null where it makes no difference.
 *
 * Only what the earlier one has changed counts as seen at that revision: what others have changed meanwhile still asks.
 */
export function restedOn(later, earlier, revision) {
  if (!revision || later.key === earlier.key || pathOf(later) !== pathOf(earlier)) return null;
  if (!later.fields.some(([name]) => name === "revision")) return null;
  const changed = namesTyped(earlier);
  // One click changes one thing.
  if (!pathOf(later).endsWith("/edit/")) return put(later.fields, "revision", String(revision));
  if (!changed.size) return null;
  const [, told = ""] = later.fields.find(([name]) => name === "seen") ?? [];
  const others = told.split(" ").filter((part) => part && !changed.has(part.slice(0, part.lastIndexOf(":"))));
  return put(later.fields, "seen", [...others, ...[...changed].map((name) => `${name}:${revision}`)].join(" "));
}

function pathOf({ address }) {
  return address.split("?")[0];
}

function namesTyped({ typed }) {
  // "<control> <number>"; the search beside a chooser belongs to its field.
  const places = Object.keys(typed?.kept.values ?? {});
  return new Set(places.map((place) => place.slice(0, place.lastIndexOf(" ")).replace(/-find$/, "")));
}

function put(fields, name, value) {
  return [...fields.filter(([other]) => other !== name), [name, value]];
}
