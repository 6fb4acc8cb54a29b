/**
 * Around a file field: what was chosen is listed, with a way to take each back, and more can be added by dropping or
 * pasting it anywhere in the form. Files that are dropped beside every form go to the one marked `anywhere`: the
 * browser would leave the page for them.
 *
 * Without a script it is the plain field.
 */
export class FileDrop extends HTMLElement {
  #input;
  #list;
  #form;

  connectedCallback() {
    this.#input = this.querySelector("input[type=file]");
    this.#form = this.closest("form");
    this.#list ??= this.appendChild(document.createElement("ul"));
    this.#list.className = "file-drop__list";
    this.#list.setAttribute("role", "list");
    this.#input.addEventListener("change", this);
    this.#list.addEventListener("click", this);
    this.#form.addEventListener("paste", this);
    this.#form.addEventListener("reset", this);
    this.#show();
  }

  handleEvent(event) {
    if (event.type === "change") this.#show();
    else if (event.type === "click") this.#takeBack(event);
    else if (event.type === "paste") this.#paste(event);
    // The form empties its fields after this event.
    else if (event.type === "reset") setTimeout(() => this.#show());
  }

  /** Adds files to those that are chosen already. */
  add(files) {
    // While the form is on its way, its fields are locked.
    if (this.#input.disabled) return;
    this.#set([...this.#input.files, ...files]);
  }

  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  #takeBack(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const place = [...this.#list.querySelectorAll("button")].indexOf(button);
    this.#set([...this.#input.files].filter((file, index) => index !== place));
    (this.#list.querySelectorAll("button")[place] ?? this.#input).focus();
  }

  #set(files) {
    const chosen = new DataTransfer();
    for (const file of files) chosen.items.add(file);
    this.#input.files = chosen.files;
    this.#input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  #show() {
    this.#list.replaceChildren(...[...this.#input.files].map(entry));
    this.toggleAttribute("data-chosen", this.#input.files.length > 0);
  }
}

function entry({ name, size }) {
  const item = document.createElement("li");
  const word = document.createElement("bdi");
  word.textContent = name;
  const note = document.createElement("span");
  note.className = "quiet";
  note.textContent = size < 1024 ** 2 ? `${Math.max(1, Math.round(size / 1024))} kB` : `${(size / 1024 ** 2).toFixed(1)} MB`;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button--small button--quiet";
  button.textContent = "Remove";
  button.setAttribute("aria-label", `Remove ${name}`);
  item.append(word, note, button);
  return item;
}

function dropOf(event) {
  if (!event.dataTransfer?.types.includes("Files")) return null;
  return event.target.closest?.("form")?.querySelector("file-drop") ?? document.querySelector("file-drop[anywhere]");
}

function mark(drop) {
  for (const form of document.querySelectorAll("form[data-drop]")) form.removeAttribute("data-drop");
  drop?.closest("form").setAttribute("data-drop", "");
}

if (customElements.get("file-drop") === undefined) {
  customElements.define("file-drop", FileDrop);
  document.addEventListener("dragover", (event) => {
    const drop = dropOf(event);
    mark(drop);
    if (drop) event.preventDefault();
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && mark(null));
  document.addEventListener("drop", (event) => {
    const drop = dropOf(event);
    mark(null);
    if (!drop) return;
    event.preventDefault();
    drop.add(event.dataTransfer.files);
  });
}
