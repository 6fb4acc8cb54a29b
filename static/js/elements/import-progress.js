const EVERY_MS = 1000;

/** How far an import is. The page is loaded again when the step is over; without a script it loads itself again. */
export class ImportProgress extends HTMLElement {
  #timer;

  connectedCallback() {
    this.#timer = setTimeout(() => this.#ask(), EVERY_MS);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  async #ask() {
    const told = await answer(this.dataset.address);
    if (!this.isConnected) return;
    if (told && told.state !== this.dataset.state) return location.reload();
    if (told) this.#show(told);
    this.#timer = setTimeout(() => this.#ask(), EVERY_MS);
  }

  #show({ done, words }) {
    this.querySelector("progress").value = done;
    this.querySelector("#how-far").textContent = words;
  }
}

/** Null while the server can't be asked: the work goes on all the same. */
async function answer(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    // Dropped in another tab, or signed out: the page itself says which.
    if (response.status === 404 || response.redirected) return { state: "" };
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

if (customElements.get("import-progress") === undefined) customElements.define("import-progress", ImportProgress);
