// Text as the server's search compares it: without case and accents (realtime/database/fold.py has the whole of it).

const MARKS = /[\u0300-\u036f]/g;
const LETTERS = { ß: "ss", æ: "ae", œ: "oe", þ: "th", ø: "o", ł: "l", đ: "d", ð: "d", ħ: "h", ı: "i", ŋ: "n", ŧ: "t", ς: "σ" };

export function fold(text) {
  return [...text].map(foldedLetter).join("").normalize("NFC");
}

export function wordsOf(text) {
  return fold(text).split(/\s+/).filter(Boolean);
}

export function matches(name, words) {
  const folded = fold(name);
  return words.every((word) => folded.includes(word));
}

/** The text in pieces: [piece, whether it is a part of one of the words]. */
export function piecesOf(text, words) {
  const letters = [...text];
  const marked = markedLetters(letters, words);
  const pieces = [];
  letters.forEach((letter, index) => {
    const last = pieces.at(-1);
    if (last && last[1] === marked[index]) last[0] += letter;
    else pieces.push([letter, marked[index]]);
  });
  return pieces;
}

function markedLetters(letters, words) {
  // A letter may fold to two or to none, so each folded one knows where it comes from.
  const origins = [];
  const folded = letters.map((letter, index) => {
    const told = foldedLetter(letter).normalize("NFC");
    origins.push(...Array.from({ length: told.length }, () => index));
    return told;
  }).join("");
  const marked = letters.map(() => false);
  for (const word of words) {
    for (let at = folded.indexOf(word); word && at >= 0; at = folded.indexOf(word, at + word.length)) {
      const end = origins[at + word.length] ?? letters.length;
      marked.fill(true, origins[at], Math.max(end, origins[at + word.length - 1] + 1));
    }
  }
  return marked;
}

function foldedLetter(letter) {
  return [...letter.normalize("NFKD").replace(MARKS, "").toLowerCase()].map((one) => LETTERS[one] ?? one).join("");
}
