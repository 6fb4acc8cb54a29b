/**
 * The dot's tooltip: what is wrong, how long the way from the database to this page takes, and how changes are noticed.
 * It shows each part only when it is known, and a sum only for the whole way.
 */
export function freshness({ reason = "", roundTripMs = null, layerMs = null, socketMs = null, doorbell = "" }) {
  return [reason, wayAndBack({ roundTripMs, layerMs, socketMs }), doorbell].filter(Boolean).join(" ");
}

function wayAndBack({ roundTripMs, layerMs, socketMs }) {
  const hops = [["Supabase", roundTripMs], ["Redis", layerMs], ["this connection", socketMs]];
  const known = hops.filter(([, ms]) => Number.isFinite(ms));
  if (!known.length) return "";
  const parts = known.map(([name, ms]) => `${name} ${Math.round(ms)} ms`).join(", ");
  if (known.length < hops.length) return `Measured so far, there and back: ${parts}.`;
  const sum = known.reduce((total, [, ms]) => total + Math.round(ms), 0);
  return `Database to this page and back through every hop: ${sum} ms (${parts}).`;
}
