/** The operations of several patches in order, without those that a later one makes up for. */
export function together(ops) {
  const later = new Set();
  return ops
    .toReversed()
    .filter((op) => {
      const of = `${op.op === "remove" || op.op === "put" ? "row" : op.op} ${op.id ?? op.name ?? ""}`;
      const overtaken = later.has(of) && (op.op === "count" || op.op === "part" || (op.op === "put" && !("after" in op)));
      later.add(of);
      return !overtaken;
    })
    .toReversed();
}
