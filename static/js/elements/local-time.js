const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/**
 * <local-time><time datetime="…Z">… UTC</time></local-time> in the reader's own zone.
 *
 * The patcher runs localize() over fresh HTML *before* comparing it with the page, so both sides speak local time and an
 * unchanged moment is an unchanged node.
 */
export class LocalTime extends HTMLElement {
  connectedCallback() {
    localize(this);
  }
}

export function localize(element) {
  const time = element.querySelector("time");
  const moment = new Date(time?.dateTime);
  if (Number.isNaN(moment.getTime())) return;
  const text = SHORT.format(moment);
  if (time.textContent === text) return;
  time.textContent = text;
  time.title = EXACT.format(moment);
}

if (customElements.get("local-time") === undefined) customElements.define("local-time", LocalTime);
