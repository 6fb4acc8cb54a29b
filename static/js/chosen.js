// What somebody chooses in the user menu follows them to other machines: it is sent to the server in the background. Until
// the server has it, this browser remembers that it knows better.
import { csrfToken } from "./form-token.js";
import { own } from "./root.js";

const root = document.documentElement;
const SWITCHES = ["theme", "shortcuts"];

const unsent = (name) => own(`livedesk-unsent-${name}-${root.dataset.person}`);

/** What the signed-in person has chosen, as far as the server knew; undefined while this browser knows better. */
export function chosenElsewhere(name) {
  return waiting(name) === null ? root.dataset[`chosen${name[0].toUpperCase()}${name.slice(1)}`] : undefined;
}

export function choose(name, value) {
  remember(name, value);
  send(name, value);
}

export function startChosen() {
  root.addEventListener("livedesk:theme", ({ detail }) => choose("theme", detail));
  for (const name of SWITCHES) {
    const value = waiting(name);
    if (value !== null) send(name, value);
  }
}

async function send(name, value) {
  const address = root.dataset.chosenAt;
  if (!address) return;
  const headers = { "X-CSRFToken": csrfToken(), "X-Person": root.dataset.person };
  try {
    // The choice outlives this page, also when it is left at once.
    const answer = await fetch(address, { method: "POST", headers, body: new URLSearchParams({ [name]: value }), keepalive: true });
    if (answer.ok && waiting(name) === value) remember(name, null);
  } catch {
    // The next page sends it again.
  }
}

function waiting(name) {
  try {
    return localStorage.getItem(unsent(name));
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(unsent(name));
    else localStorage.setItem(unsent(name), value);
  } catch {
    // Storage may be forbidden; then the server alone remembers.
  }
}
