import { CUT, explain, KEPT, tellAction } from "../answers.js";
import { outbox } from "../outbox/outbox.js";

/**
 * Changes one ticket in one go. `action` is the last part of its address: "status", "priority" or "assignment"; `words`
 * is what people call the change.
 *
 * Says what came of it, and returns whether it was done. The page itself shows the result when it is live.
 */
export async function change(ticket, action, values, words) {
  // What this person did comes at once, also to a list that holds still.
  dispatch("live:own", { id: ticket.id });
  const data = new FormData(document.getElementById("ticket-quick"));
  data.set("revision", ticket.revision);
  for (const [name, value] of Object.entries(values)) data.set(name, value);
  const address = `${ticket.url}${action}/`;
  const write = { address, data, title: `“${ticket.title}”: ${words}`, page: new URL(ticket.url).pathname };
  const outcome = await outbox.write(write);
  const { answer } = outcome;
  if (outcome.kind === "waits") return refused(KEPT);
  if (outcome.kind === "none") return refused(CUT);
  if (outcome.kind !== "done") return refused(answer?.said ?? explain(outcome.status));
  // A page that isn't live can't show the result, so it is loaded again.
  if (document.documentElement.dataset.realtimeStatus !== "connected") location.reload();
  dispatch("live:said", { sentence: answer.said });
  tellAction(outcome.action, answer.said);
  return true;
}

function refused(reason) {
  dispatch("live:notice", { reason });
  return false;
}

function dispatch(name, detail) {
  document.documentElement.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
}
