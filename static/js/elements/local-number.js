import { locale } from "../reader.js";

const formats = new Map();

/**
 * <local-number><data value="1234.50">1,234.50</data></local-number> as the reader's own language writes it, with as
 * many places as the value has. Like <local-time>, it is written before a patch is compared with the page.
 */
export class LocalNumber extends HTMLElement {
  connectedCallback() {
    localizeNumber(this);
  }
}

export function localizeNumber(element) {
  const data = element.querySelector("data");
  if (!data || !/^-?\d+(\.\d+)?$/.test(data.value)) return;
  // As a text, a number keeps digits that a double would lose.
  const text = formatOf(data.value.split(".")[1]?.length ?? 0).format(data.value);
  if (data.textContent !== text) data.textContent = text;
}

function formatOf(places) {
  // Intl knows no more places than these.
  const digits = Math.min(places, 20);
  if (!formats.has(digits)) {
    formats.set(digits, new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return formats.get(digits);
}

if (customElements.get("local-number") === undefined) customElements.define("local-number", LocalNumber);
