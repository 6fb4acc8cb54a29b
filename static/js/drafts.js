// The server keeps what was typed, too, for the same person on any device (realtime/pages/drafts.py). It is sent a second
// after the last key. What can't be sent stays in the tab, and goes when the server is back.
import { csrfToken } from "./form-token.js";
import { at } from "./root.js";
import { names, read, write } from "./typed-store.js";

const ADDRESS = at("drafts/here/");
const PAUSE_MS = 1000;
// Browsers refuse a longer body to a request that outlives its page.
const KEEPALIVE_BYTES = 60_000;
const ENDED = 409;

const person = document.documentElement.dataset.person;
const timers = new Map();

/** `onEnded` is told which of them was sent or dropped elsewhere while it is still being written here. */
export function startDrafts(onEnded) {
  const sendAll = () => names(person).forEach((name) => send(name, onEnded));
  window.addEventListener("online", sendAll);
  document.addEventListener("live:status", ({ detail }) => detail.status === "connected" && sendAll());
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && sendAll());
  window.addEventListener("pagehide", sendAll);
  sendAll();
  return (name) => {
    clearTimeout(timers.get(name));
    timers.set(name, setTimeout(() => send(name, onEnded), PAUSE_MS));
  };
}

async function send(name, onEnded) {
  clearTimeout(timers.get(name));
  const kept = read(name);
  if (!kept?.writing || kept.saved || kept.sent) return;
  const { address, form, writing, title, values, revision, seen, at } = kept;
  const told = { address, form, writing, title, values, revision, seen, at, age: Date.now() - at };
  const status = await request("PUT", told);
  const now = read(name);
  // What is being sent has its writing ended by that.
  if (now?.writing !== writing || now.sent) return;
  if (status === ENDED) onEnded(name);
  else if (status < 300 && now.at === at) write(name, { ...now, saved: Date.now() });
}

/** Sent or thrown away: what may still be on its way of these writings comes too late. */
export function end(name, { address, form, writings }) {
  clearTimeout(timers.get(name));
  request("DELETE", { address, form, writings });
}

/** What the server has for the forms of a page; empty when it can't say. */
export async function draftsAt(address) {
  try {
    const answer = await fetch(`${ADDRESS}?address=${encodeURIComponent(address)}`, {
      headers: { "X-Person": person },
      cache: "no-store",
    });
    return answer.ok ? (await answer.json()).drafts : [];
  } catch {
    return [];
  }
}

async function request(method, told) {
  const body = JSON.stringify(told);
  try {
    const answer = await fetch(ADDRESS, {
      method,
      body,
      headers: { "Content-Type": "application/json", "X-Person": person, "X-CSRFToken": csrfToken() },
      keepalive: body.length < KEEPALIVE_BYTES,
    });
    return answer.status;
  } catch {
    return 599;
  }
}
