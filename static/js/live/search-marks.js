// Marks what a search has found. The browser draws the marks: the rows themselves stay as the server sent them.

// What PostgreSQL's unaccent writes differently, beyond letters that are a letter with a mark.
const UNACCENTED = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };

export function startSearchMarks(page) {
  const input = page.querySelector(".search input[name=q]");
  const words = fold(input?.defaultValue ?? "").text.split(/\s+/).filter(Boolean);
  if (!words.length || !CSS.highlights) return;
  const mark = () => CSS.highlights.set("found", new Highlight(...ranges(page, words)));
  mark();
  page.addEventListener("live:patched", mark);
}

function* ranges(page, words) {
  for (const rows of page.querySelectorAll("[data-live-rows]")) {
    const walker = document.createTreeWalker(rows, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) yield* within(node, words);
  }
}

function* within(node, words) {
  const { text, places } = fold(node.nodeValue);
  for (const word of words) {
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
      const range = new Range();
      range.setStart(node, places[at]);
      range.setEnd(node, places[at + word.length]);
      yield range;
    }
  }
}

/** A text without case and accents, and where each of its letters came from. */
function fold(original) {
  let text = "";
  const places = [];
  let place = 0;
  for (const letter of original) {
    const lower = letter.toLowerCase();
    const plain = (UNACCENTED[lower] ?? lower).normalize("NFD").replace(/\p{M}/gu, "");
    for (let index = 0; index < plain.length; index += 1) places.push(place);
    text += plain;
    place += letter.length;
  }
  places.push(place);
  return { text, places };
}
