// What is chosen is held by the controls that the server has painted. So sending, resetting and keeping what was typed
// work as in any form.

/** An input shows a text in one line. */
export function inOneLine(text) {
  return text.replace(/[\r\n]/g, "");
}

/** Chooses a row in a <select>, which needn't have an option for it yet. */
export function choose(select, { key, name, note }) {
  let option = [...select.options].find(({ value }) => value === key);
  if (!option) {
    option = new Option(name, key);
    option.dataset.name = name;
    option.dataset.note = note;
    select.add(option);
  }
  option.selected = true;
}

export function rowOf(option) {
  return { key: option.value, name: option.dataset.name ?? option.text.trim(), note: option.dataset.note ?? "" };
}

/** One row, in a <select>. */
export class OneChosen {
  #select;
  // For the server: which text the choice answers. Without JavaScript it is the text that was searched for last.
  #answered;

  constructor(select, answered) {
    this.#select = select;
    this.#answered = answered;
  }

  get control() {
    return this.#select;
  }

  get rows() {
    const [option] = this.#select.selectedOptions;
    return option?.value ? [rowOf(option)] : [];
  }

  get all() {
    return [...this.#select.options].map(rowOf);
  }

  /** Only what is chosen stays: the others are asked for. */
  forgetOthers() {
    this.#select.dataset.openEnded = "";
    for (const option of [...this.#select.options]) if (option.value && !option.selected) option.remove();
  }

  add(row) {
    choose(this.#select, row);
  }

  clear() {
    this.#select.value = "";
  }

  /** `text` is what the input shows. */
  answers(text) {
    if (this.#answered) this.#answered.value = this.rows.length ? text : "";
  }
}

/** Several rows, each a checkbox. */
export class SeveralChosen {
  #name;
  #shelf;

  constructor(name, shelf) {
    this.#name = name;
    this.#shelf = shelf;
  }

  get control() {
    return this.#boxes[0] ?? this.#shelf;
  }

  get rows() {
    return this.#boxes.filter(({ checked }) => checked).map(rowOfBox);
  }

  get all() {
    return this.#boxes.map(rowOfBox);
  }

  add({ key, name }) {
    const known = this.#box(key);
    if (known) known.checked = true;
    else this.#shelf.append(newBox(this.#name, key, name));
  }

  remove(key) {
    this.#box(key).checked = false;
  }

  get #boxes() {
    return [...this.#shelf.querySelectorAll("input[type=checkbox]")];
  }

  #box(key) {
    return this.#boxes.find(({ value }) => value === key);
  }
}

function rowOfBox(box) {
  return { key: box.value, name: box.parentElement.textContent.trim(), note: "" };
}

function newBox(name, key, word) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.name = name;
  box.value = key;
  box.checked = true;
  label.append(box, word);
  return label;
}
