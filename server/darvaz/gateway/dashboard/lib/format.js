// Numbers, dates and spans of time as a reader of the chosen language expects them.

import { language, t } from "./words.js";
import { h, visible } from "./dom.js";

const LOCALES = { en: "en-GB", fa: "fa-IR" };
const locale = () => LOCALES[language()];

export function number(value, digits = 2) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

/** Returns a value of telemetry with its unit. */
export function measured(value, unit) {
  if (typeof value === "boolean") return t(value ? "on" : "off");
  if (typeof value !== "number") return visible(value);
  if (unit === "B") return bytes(value);
  // Isolated, so that "°C" stays in one piece among Persian digits.
  return unit ? `${number(value)}\u00a0\u2068${visible(unit)}\u2069` : number(value);
}

export function bytes(count, digits = 0) {
  return count < 1024 * 1024 ? `${number(count / 1024, digits)} KB` : `${number(count / 1048576, 2)} MB`;
}

/** Returns how long something takes or took, in its two largest units. */
export function span(seconds) {
  const parts = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  let left = Math.max(0, Math.round(seconds));
  const said = [];
  for (const [unit, size] of parts) {
    if (left >= size || (unit === "s" && !said.length)) said.push(`${number(Math.floor(left / size))}\u00a0${t(`unit_${unit}`)}`);
    left %= size;
  }
  return said.slice(0, 2).join(" ");
}

export function ago(unixS) {
  const seconds = Date.now() / 1000 - unixS;
  return seconds < 5 ? t("just_now") : t("ago", span(seconds));
}

const pad = (value) => String(value).padStart(2, "0");

/** Returns a moment in ISO's order, in the reader's own time zone. */
export function iso(unixS) {
  const at = new Date(unixS * 1000);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clock(unixS, "en")}`;
}

export function clock(unixS, of = language()) {
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(LOCALES[of], options).format(new Date(unixS * 1000));
}

/** Returns a date as people write it: in Persian the Jalali one. */
export function day(unixS) {
  const calendar = language() === "fa" ? "fa-IR-u-ca-persian" : "en-GB";
  return new Intl.DateTimeFormat(calendar, { day: "numeric", month: "short" }).format(new Date(unixS * 1000));
}

/** Returns a moment as an element: ISO, and in Persian the Jalali date before it. */
export function moment(unixS) {
  const stamp = new Date(unixS * 1000).toISOString();
  if (language() !== "fa") return h("time", { datetime: stamp }, iso(unixS));
  const calendar = new Intl.DateTimeFormat("fa-IR-u-ca-persian", { dateStyle: "medium" }).format(new Date(unixS * 1000));
  return h("time", { datetime: stamp }, `${calendar}، ${clock(unixS)} `, h("bdi", { class: "quiet" }, iso(unixS).slice(0, 10)));
}
