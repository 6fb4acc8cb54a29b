import { CUT, explain, KEPT, tellAction } from "../answers.js";
import { patchForm } from "../live/live-patch.js";
import { outbox } from "../outbox/outbox.js";
import { titleOf } from "../outbox/plain-forms.js";
import { replacedBy } from "../outbox/resuming.js";
import { typedInto } from "../typed.js";

// For a quicker answer a bar would only flicker.
const SHOW_AFTER_MS = 300;

/**
 * A form that is sent without leaving the page, so that text typed elsewhere on it stays. The live page itself shows
 * the result; this shows the sentence and the upload's progress. Without JavaScript the form is sent normally.
 *
 * With [data-here] the result is on this very page, whatever address the answer names.
 */
export class BackgroundForm extends HTMLElement {
  #request = null;
  #timer;

  connectedCallback() {
    this.addEventListener("submit", this);
    this.addEventListener("click", this);
    this.addEventListener("change", this);
    this.addEventListener("keydown", this);
  }

  disconnectedCallback() {
    this.removeEventListener("submit", this);
    this.removeEventListener("click", this);
    this.removeEventListener("change", this);
    this.removeEventListener("keydown", this);
    this.#request?.abort();
  }

  handleEvent(event) {
    if (event.type === "submit") this.#onSubmit(event);
    else if (event.type === "change") this.#say("");
    else if (event.type === "keydown") this.#onKey(event);
    else if (event.target.closest("[data-progress-cancel]")) this.#request?.abort();
  }

  get #form() {
    return this.querySelector("form");
  }

  /** Ctrl-Enter sends what is being written. */
  #onKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.matches("textarea")) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #onSubmit(event) {
    event.preventDefault();
    // The second click of a double click; the first one's request is under way.
    if (this.#request) return;
    const tooLarge = this.#tooLarge();
    if (tooLarge) return this.#say(tooLarge, "error");
    this.#send(event.submitter);
  }

  async #send(submitter) {
    const form = this.#form;
    const address = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
    // Read before the controls are locked: locked ones would still be sent, but later typing must not be.
    const data = new FormData(form, submitter);
    this.#request = new AbortController();
    this.#say("");
    this.#lock(true);
    this.#timer = setTimeout(() => (this.#progress.hidden = false), SHOW_AFTER_MS);
    const write = { address, data, title: titleOf(form, submitter), typed: typedInto(form), replaces: replacedBy(address) };
    const { signal } = this.#request;
    const outcome = await outbox.write(write, { signal, onProgress: (loaded, total) => this.#showSent(loaded, total) });
    this.#finish();
    this.#onOutcome(outcome);
  }

  #onOutcome({ kind, status, answer, action }) {
    if (kind === "stopped") return this.#say("Cancelled. Nothing was saved.");
    if (kind === "none") return this.#say(CUT, "error");
    if (kind === "waits") {
      this.#form.reset();
      return this.#say(KEPT);
    }
    if (!answer) return this.#say(explain(status), "error");
    if (kind === "refused") return this.#onRefusal(answer);
    this.#form.reset();
    tellAction(action, answer.said);
    // A page that isn't live can't show the result, so it is loaded again.
    if (document.documentElement.dataset.realtimeStatus !== "connected") {
      return "here" in this.dataset ? location.reload() : location.assign(answer.url);
    }
    this.#say(answer.said, "success");
    this.dispatchEvent(new CustomEvent("background:sent", { bubbles: true, detail: answer }));
  }

  #onRefusal({ said, sign_in, html }) {
    // The form as it is shown again, each error at its field.
    if (html) {
      patchForm(this.#form, html);
      this.querySelector("[data-invalid] :is(input, select, textarea)")?.focus();
    }
    this.#say(said, "error", sign_in);
  }

  #finish() {
    clearTimeout(this.#timer);
    this.#request = null;
    this.#lock(false);
    this.#progress.hidden = true;
    this.#showSent(0, 1);
  }

  #showSent(loaded, total) {
    const percent = Math.floor((100 * loaded) / total);
    this.#progress.querySelector("progress").value = percent;
    // All bytes are sent, but the server is still storing them.
    this.querySelector("[data-progress-text]").textContent = percent < 100 ? `${percent} %` : "Saving…";
  }

  #lock(locked) {
    this.toggleAttribute("data-sending", locked);
    this.#form.setAttribute("aria-busy", String(locked));
    for (const control of this.querySelectorAll("textarea")) control.readOnly = locked;
    // A file chosen now would go with the form's reset.
    for (const control of this.querySelectorAll("input[type=file]")) control.disabled = locked;
  }

  #say(sentence, kind = "", signIn = "") {
    const note = this.querySelector("[data-form-note]");
    note.textContent = sentence;
    note.dataset.kind = kind;
    if (signIn) note.append(" ", signInLink(signIn));
  }

  /** Told at once instead of after a minute of sending; the server checks again. */
  #tooLarge() {
    for (const input of this.querySelectorAll("input[data-max-bytes]")) {
      const limit = Number(input.dataset.maxBytes);
      const file = [...input.files].find(({ size }) => size > limit);
      if (file) return `“${file.name}” is too large: it has ${megabytes(file.size)}, and ${megabytes(limit)} is the most a file may have.`;
    }
    return "";
  }

  get #progress() {
    return this.querySelector("[data-progress]");
  }
}

function signInLink(address) {
  const link = document.createElement("a");
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = "Sign in in another tab";
  return link;
}

function megabytes(bytes) {
  return `${(bytes / 1024 ** 2).toLocaleString(undefined, { maximumFractionDigits: 1 })} MB`;
}

if (customElements.get("background-form") === undefined) customElements.define("background-form", BackgroundForm);
