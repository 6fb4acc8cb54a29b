// What the server's close codes mean, in words for the banner. `slow` is the shortest wait before the next attempt:
// these causes don't pass within seconds, so hammering would only cost both sides.
const REASONS = new Map([
  [4400, {
    status: "error",
    reason: "This page and the server do not understand each other. Reloading should help.",
    reload: true,
    slow: 30_000,
  }],
  [4401, {
    status: "disconnected",
    reason: "Your session has ended. Sign in again to keep this page up to date; what you typed stays here.",
    signIn: true,
    slow: 60_000,
  }],
  [4403, {
    status: "error",
    reason: "The server refused the live connection of this page.",
    slow: 60_000,
  }],
  [4029, {
    status: "error",
    reason: "Too many pages of this account are open. Close some of them; this page then connects by itself.",
    slow: 30_000,
  }],
  [4013, {
    reason: "The server is busy and asked this page to try again shortly.",
    slow: 5_000,
  }],
]);

/** The page itself closes the socket: the session now belongs to another person. */
export const ANOTHER_PERSON = {
  status: "disconnected",
  reason: "Somebody else has signed in in this browser.",
  another: true,
};

export function closeReason(code) {
  return REASONS.get(code) ?? {};
}
