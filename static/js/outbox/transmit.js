import { ACTION, parseAnswer } from "../answers.js";
import { csrfToken } from "../form-token.js";

// The key of a write; its answer names it, too.
const KEY = "Livedesk-Write";
// A line that has carried nothing for so long is as good as cut.
const SILENT_MS = 30_000;
// Refusals by what stands in front of the portal that pass by themselves.
const PASSING = [408, 425, 429];

/**
 * Sends a write once. Resolves to what came of it:
 *
 * - `done`: `answer` of the server, `action` in the change log
 * - `page`: the server has shown the form again, which only a page can
 * - `refused`: `status`, and `answer` if it is the portal's own; with `passes` it is worth trying again later
 * - `none`: no answer of the portal; it may have arrived
 * - `stopped`: by `signal`
 */
export function transmit({ key, address, fields }, { accept = "application/json", onProgress = () => {}, signal } = {}) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let timer;
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), SILENT_MS);
    };
    const end = (kind, more = {}) => {
      clearTimeout(timer);
      resolve({ kind, ...more });
    };
    request.open("POST", address);
    request.setRequestHeader("Accept", accept);
    request.setRequestHeader(KEY, key);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      listen();
      onProgress(loaded, total);
    });
    request.addEventListener("progress", listen);
    request.addEventListener("load", () => {
      const { kind, ...more } = outcome(request, key);
      end(kind, more);
    });
    request.addEventListener("error", () => end("none"));
    request.addEventListener("abort", () => end(signal?.aborted ? "stopped" : "none"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    listen();
    request.send(bodyOf(fields));
  });
}

function bodyOf(fields) {
  const data = new FormData();
  for (const [name, value] of fields) data.append(name, value);
  // The session may have been renewed since it was written.
  const token = csrfToken();
  if (token) data.set("csrfmiddlewaretoken", token);
  return data;
}

function outcome(request, key) {
  const { status, responseText } = request;
  const type = request.getResponseHeader("Content-Type");
  const answer = parseAnswer(type, responseText);
  if (request.getResponseHeader(KEY) !== key) {
    // A proxy's, or of a network that wants to be signed in to first.
    const isRefusal = status >= 400 && status < 500 && !PASSING.includes(status);
    return isRefusal ? { kind: "refused", status, answer: answer?.said ? answer : null } : { kind: "none" };
  }
  if (type?.startsWith("text/html")) return { kind: "page" };
  if (answer === null) return { kind: "none" };
  if (status >= 400) return { kind: "refused", status, answer, passes: status === 503 };
  return { kind: "done", answer, action: request.getResponseHeader(ACTION) };
}
