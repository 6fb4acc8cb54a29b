import { CUT, explain, KEPT, tellAction } from "../answers.js";
import { parseForm } from "../live/live-patch.js";
import { outbox } from "../outbox/outbox.js";
import { titleOf } from "../outbox/plain-forms.js";

/** Merging a ticket without leaving its page. Without a script, and in a new tab, the links lead to a page of its own. */
export function startMergeDialog(page) {
  const dialog = page.getElementById("merge");
  if (!dialog) return;
  const merging = new MergeDialog(dialog);
  page.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-merge]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    merging.open(link.href);
  });
}

class MergeDialog {
  #dialog;
  #body;
  #note;
  #asking = null;
  #isSending = false;

  constructor(dialog) {
    this.#dialog = dialog;
    this.#body = dialog.querySelector("[data-merge-body]");
    this.#note = dialog.querySelector("[data-merge-note]");
    dialog.addEventListener("click", ({ target }) => (target === dialog || target.closest("[data-merge-close]")) && dialog.close());
    dialog.addEventListener("change", ({ target }) => target.matches("[data-merge-choose] select") && this.#compare(target));
    dialog.addEventListener("submit", (event) => this.#onSubmit(event));
    // Nothing of it stays on a page that somebody else may come to see.
    dialog.addEventListener("close", () => this.#forget());
  }

  /** The browser gives the focus back to where it was when the dialog opened. */
  async open(address) {
    if (!this.#dialog.open) this.#dialog.showModal();
    const html = await this.#load(address);
    if (html === null) return;
    this.#body.replaceChildren(parseForm(html));
    this.#body.querySelector("[data-merge-compared] button, [role=combobox]")?.focus();
  }

  async #compare(select) {
    this.#compared.replaceChildren();
    if (!select.value) return this.#asking?.abort();
    const html = await this.#load(`${select.form.action}?into=${encodeURIComponent(select.value)}`);
    // The chooser itself stays as it is: somebody is in it.
    if (html !== null) this.#compared.replaceChildren(...parseForm(html).querySelector("[data-merge-compared]").childNodes);
  }

  get #compared() {
    return this.#body.querySelector("[data-merge-compared]");
  }

  async #load(address) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    this.#say("");
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store", signal: asking.signal });
      // Signed out, or without the right: the page itself says which.
      if (!answer.headers.get("Content-Type")?.startsWith("application/json")) location.assign(address);
      else return (await answer.json()).html;
    } catch {
      if (!asking.signal.aborted) this.#say("The tickets can’t be loaded just now. Try again in a moment.");
    }
    return null;
  }

  #onSubmit(event) {
    event.preventDefault();
    const form = event.target;
    if (form.matches("[data-merge-choose]")) {
      const select = form.querySelector("select");
      if (select.value) this.#compare(select);
    } else if (!this.#isSending) this.#send(form);
  }

  async #send(form) {
    this.#isSending = true;
    const title = titleOf(form, form.querySelector("[type=submit]"));
    this.#onOutcome(await outbox.write({ address: form.action, data: new FormData(form), title }));
    this.#isSending = false;
  }

  #onOutcome({ kind, status, answer, action }) {
    if (kind === "none") return this.#say(CUT);
    if (kind === "waits") return this.#say(KEPT);
    if (kind !== "done") return this.#say(answer?.said ?? explain(status));
    this.#dialog.close();
    tellAction(action, answer.said);
    // A page that isn't live can't show the result, so it is loaded again.
    if (document.documentElement.dataset.realtimeStatus !== "connected") location.reload();
  }

  #forget() {
    this.#asking?.abort();
    this.#body.replaceChildren();
    this.#say("");
  }

  #say(sentence) {
    this.#note.textContent = sentence;
    this.#note.dataset.kind = sentence ? "error" : "";
  }
}
