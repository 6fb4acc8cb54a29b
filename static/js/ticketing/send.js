import { ACTION, CUT, explain, OFFLINE, parseAnswer, tellAction } from "../answers.js";

/**
 * Changes one ticket in one go. `action` is the last part of its address: "status", "priority" or "assignment".
 *
 * Says what came of it, and returns whether it was done. The page itself shows the result when it is live.
 */
export async function change(ticket, action, values) {
  // What this person did comes at once, also to a list that holds still.
  dispatch("live:own", { id: ticket.id });
  const data = new FormData(document.getElementById("ticket-quick"));
  data.set("revision", ticket.revision);
  for (const [name, value] of Object.entries(values)) data.set(name, value);
  if (!navigator.onLine) return refused(OFFLINE);
  let answer;
  let response;
  try {
    response = await fetch(`${ticket.url}${action}/`, { method: "POST", body: data, headers: { Accept: "application/json" } });
    answer = parseAnswer(response.headers.get("Content-Type"), await response.text());
  } catch {
    return refused(CUT);
  }
  if (answer === null) return refused(explain(response.status));
  if (!response.ok) return refused(answer.said);
  // A page that isn't live can't show the result, so it is loaded again.
  if (document.documentElement.dataset.realtimeStatus !== "connected") location.reload();
  dispatch("live:said", { sentence: answer.said });
  tellAction(response.headers.get(ACTION), answer.said);
  return true;
}

function refused(reason) {
  dispatch("live:notice", { reason });
  return false;
}

function dispatch(name, detail) {
  document.documentElement.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
}
