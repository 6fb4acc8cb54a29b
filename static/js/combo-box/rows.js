// Where a combobox finds what it offers: on the server, or in the page.
import { fold, matches, wordsOf } from "./folded.js";

// Longer than the server's own patience with its database.
const PATIENCE_MS = 15_000;
const STAYS = "What you typed stays here.";

/** A search that has failed; its message is for the reader. */
export class SearchError extends Error {}

export class RemoteRows {
  #url;
  #plural;

  constructor(url, plural) {
    this.#url = url;
    this.#plural = plural;
  }

  /** {rows, more, complete}: more than these match; whether all were searched. */
  async matching(text, signal) {
    if (!navigator.onLine) throw new SearchError(`Your browser is offline, nothing could be searched. ${STAYS}`);
    const answer = await this.#ask(text, signal);
    // Somebody who isn't signed in is sent to the page for it, which no script can follow.
    if (answer.type === "opaqueredirect") throw new SearchError(`Your session has ended; sign in again in another tab. ${STAYS}`);
    if (answer.status === 403) throw new SearchError(`Your account may not see ${this.#plural}.`);
    try {
      if (answer.ok) return await answer.json();
    } catch {
      // Not an answer of ours, or half of one.
    }
    throw new SearchError(`The server could not search. ${STAYS} Type on to try again.`);
  }

  async #ask(text, signal) {
    const url = new URL(this.#url, location.href);
    url.searchParams.set("q", text);
    const late = AbortSignal.timeout(PATIENCE_MS);
    try {
      const headers = { Accept: "application/json" };
      return await fetch(url, { headers, redirect: "manual", signal: AbortSignal.any([signal, late]) });
    } catch {
      throw new SearchError(
        late.aborted
          ? `The server takes too long to search. ${STAYS} Type on to try again.`
          : `The server can’t be reached, nothing could be searched. ${STAYS}`,
      );
    }
  }
}

export class LocalRows {
  #all;

  /** `all` returns the rows. */
  constructor(all) {
    this.#all = all;
  }

  /** Those whose name begins with the text come first, as the server has it. */
  matching(text) {
    const words = wordsOf(text);
    const beginning = fold(text);
    const rows = this.#all().filter(({ name }) => matches(name, words));
    const isFirst = ({ name }) => fold(name).startsWith(beginning);
    return { rows: [...rows.filter(isFirst), ...rows.filter((row) => !isFirst(row))], more: false, complete: true };
  }
}
