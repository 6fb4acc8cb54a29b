// Full jitter (a random point of the whole interval): after a deploy, five hundred browsers must not return in step.
export const FIRST_MS = 1_000;
export const CAP_MS = 30_000;

export function backoffDelay(attempt, { random = Math.random, first = FIRST_MS, cap = CAP_MS } = {}) {
  return Math.round(random() * Math.min(cap, first * 2 ** Math.min(attempt, 30)));
}
