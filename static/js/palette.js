// Ctrl-K or ⌘K: records of every kind, and where to go. Without a script its button leads to the search's own page.

const PAUSE_MS = 120;
const UNANSWERED = "The search doesn’t answer just now. Press Enter to try it on its own page.";

export function startPalette(page) {
  const dialog = page.getElementById("palette");
  if (!dialog) return;
  const palette = new Palette(dialog);
  page.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    palette.open();
  });
  page.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-palette-open]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    palette.open();
  });
}

class Palette {
  #dialog;
  #input;
  #list;
  #status;
  #timer;
  #asking = null;
  #groups = [];
  #current = 0;

  constructor(dialog) {
    this.#dialog = dialog;
    this.#input = dialog.querySelector("input");
    this.#list = dialog.querySelector("[role=listbox]");
    this.#status = dialog.querySelector("[role=status]");
    this.#input.addEventListener("input", () => this.#typed());
    this.#input.addEventListener("keydown", (event) => this.#onKey(event));
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    // Nothing of it stays on a page that somebody else may come to see.
    dialog.addEventListener("close", () => this.#forget());
  }

  open() {
    if (this.#dialog.open) return this.#dialog.close();
    this.#dialog.showModal();
    this.#input.select();
    this.#show();
  }

  get #options() {
    return [...this.#list.querySelectorAll("[role=option]")];
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    if (!this.#text) this.#groups = [];
    else this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
    this.#show();
  }

  get #text() {
    return this.#input.value.trim();
  }

  async #ask() {
    const asking = (this.#asking = new AbortController());
    const url = new URL(this.#input.form.action);
    url.searchParams.set("q", this.#text);
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" }, signal: asking.signal });
      this.#groups = (await answer.json()).groups;
      this.#show(true);
    } catch {
      if (!asking.signal.aborted) this.#say(UNANSWERED);
    }
  }

  #onKey(event) {
    const options = this.#options;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      this.#mark((this.#current + step + options.length) % options.length);
    } else if (event.key === "Enter" && options[this.#current]) {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) window.open(options[this.#current].href, "_blank", "noopener");
      else options[this.#current].click();
    }
  }

  #show(answered = false) {
    const words = this.#text.toLowerCase().split(/\s+/).filter(Boolean);
    const actions = [...this.#dialog.querySelectorAll("[data-palette-actions] a")].filter((action) =>
      words.every((word) => action.textContent.toLowerCase().includes(word)),
    );
    const groups = this.#groups.filter(({ hits }) => hits.length);
    this.#list.replaceChildren(
      ...groups.map((group) => this.#group(group.title, group.hits.map((hit) => option(this.#icon(group.icon), hit)), group)),
      ...(actions.length ? [this.#group("Go to", actions.map(actionOption))] : []),
    );
    this.#options.forEach((each, index) => (each.id = `palette-option-${index}`));
    this.#mark(0);
    const slow = this.#groups.filter((group) => group.slow).map(({ title }) => title.toLowerCase());
    const found = groups.reduce((sum, { hits }) => sum + hits.length, 0);
    if (slow.length) this.#say(`Looking through all ${slow.join(" and ")} takes too long. Type a longer word.`);
    else if (answered) this.#say(found ? `${found} found` : `Nothing that you may see matches “${this.#text}”.`, found > 0);
    else this.#say("");
  }

  #group(title, options, { all = "" } = {}) {
    const group = element("div", "palette__group", { role: "group", "aria-label": title });
    const heading = element("p", "palette__title", { "aria-hidden": "true" });
    heading.textContent = title;
    group.append(heading, ...options);
    if (all) group.append(option("", { title: `All ${title.toLowerCase()} that match`, hint: "", url: all }));
    return group;
  }

  #icon(name) {
    return this.#dialog.querySelector(`[data-palette-icon="${CSS.escape(name)}"]`)?.firstElementChild?.cloneNode(true) ?? "";
  }

  #mark(index) {
    const options = this.#options;
    this.#current = index;
    options.forEach((each, place) => each.setAttribute("aria-selected", String(place === index)));
    options[index]?.scrollIntoView({ block: "nearest" });
    if (options[index]) this.#input.setAttribute("aria-activedescendant", options[index].id);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  #say(sentence, hidden = false) {
    this.#status.textContent = sentence;
    this.#status.classList.toggle("visually-hidden", hidden);
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#groups = [];
    this.#input.value = "";
    this.#list.replaceChildren();
    this.#say("");
  }
}

function option(icon, { title, hint, url }) {
  const link = element("a", "palette__option", { role: "option", tabindex: "-1", href: url });
  const name = element("span", "palette__name", { dir: "auto" });
  name.textContent = title;
  const note = element("span", "palette__hint", { dir: "auto" });
  note.textContent = hint;
  link.append(icon, name, note);
  return link;
}

function actionOption(action) {
  const copy = action.cloneNode(true);
  copy.className = "palette__option";
  copy.setAttribute("role", "option");
  copy.tabIndex = -1;
  return copy;
}

function element(tag, name, attributes) {
  const made = document.createElement(tag);
  made.className = name;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
