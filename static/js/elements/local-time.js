import { locale, timeZone } from "../reader.js";

const SHORT = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone });
const EXACT = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long", timeZone });
const RELATIVE = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
// Half of the smallest step that is shown.
const TICK_MS = MINUTE_MS / 2;

/**
 * <local-time><time datetime="…Z">… UTC</time></local-time> in the reader's own zone: "5 min. ago" within a day, then
 * the date. With `exact` always the date.
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
  const text = (element.hasAttribute("exact") ? "" : relative(moment)) || SHORT.format(moment);
  if (time.textContent === text) return;
  time.textContent = text;
  time.title = EXACT.format(moment);
}

/** Empty when it is further away than a day. */
function relative(moment) {
  const away = moment.getTime() - Date.now();
  const distance = Math.abs(away);
  if (distance >= DAY_MS) return "";
  if (distance >= HOUR_MS) return RELATIVE.format(Math.trunc(away / HOUR_MS), "hour");
  if (distance >= MINUTE_MS) return RELATIVE.format(Math.trunc(away / MINUTE_MS), "minute");
  return RELATIVE.format(0, "second");
}

if (customElements.get("local-time") === undefined) {
  customElements.define("local-time", LocalTime);
  setInterval(() => document.querySelectorAll("local-time:not([exact])").forEach(localize), TICK_MS);
}
