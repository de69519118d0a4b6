// Numbers, dates and durations as a reader of the chosen language expects them.

import { h, visible } from "./dom.js";
import { language, t } from "./words.js";

/** @import { Value } from "./types.js" */
/** @import { Language } from "./words.js" */

/** @type {Record<Language, string>} */
const LOCALES = { en: "en-GB", fa: "fa-IR" };
const JALALI = "fa-IR-u-ca-persian";
const KIB = 1024;
const MIB = 1024 * 1024;
const JUST_NOW_S = 5;
/** @type {[unit: string, seconds: number][]} */
const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
];

/**
 * @param {number} value
 * @param {number} [digits] the greatest number of digits after the point
 */
export function formatNumber(value, digits = 2) {
  return new Intl.NumberFormat(LOCALES[language()], { maximumFractionDigits: digits }).format(value);
}

/**
 * Returns a value of telemetry with its unit.
 * @param {Value | null} value null: unknown
 * @param {string} [unit]
 */
export function formatValue(value, unit) {
  if (value === null) return "–";
  if (typeof value === "boolean") return t(value ? "on" : "off");
  if (typeof value !== "number") return visible(value);
  if (unit === "B") return formatBytes(value);
  // Isolated, so that "°C" is not split among Persian digits.
  return unit ? `${formatNumber(value)}\u00a0\u2068${visible(unit)}\u2069` : formatNumber(value);
}

/**
 * @param {number} bytes
 * @param {number} [digits] of kilobytes, after the point
 */
export function formatBytes(bytes, digits = 0) {
  return bytes < MIB ? `${formatNumber(bytes / KIB, digits)} KB` : `${formatNumber(bytes / MIB)} MB`;
}

/**
 * Returns a duration in its two largest units.
 * @param {number} seconds
 */
export function formatDuration(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count || (unit === "s" && !parts.length)) parts.push(`${formatNumber(count)}\u00a0${t(`unit_${unit}`)}`);
    left %= size;
  }
  return parts.slice(0, 2).join(" ");
}

/**
 * Returns how long ago a time was.
 * @param {number} unixS
 */
export function formatAgo(unixS) {
  const seconds = Date.now() / 1000 - unixS;
  return seconds < JUST_NOW_S ? t("just_now") : t("ago", formatDuration(seconds));
}

/**
 * Returns the time of day, with seconds.
 * @param {number} unixS
 * @param {Language} [of]
 */
export function formatTime(unixS, of = language()) {
  /** @type {Intl.DateTimeFormatOptions} */
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(LOCALES[of], options).format(new Date(unixS * 1000));
}

/**
 * Returns day and month; in Persian those of the Jalali calendar.
 * @param {number} unixS
 */
export function formatDate(unixS) {
  const locale = language() === "fa" ? JALALI : LOCALES.en;
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }).format(new Date(unixS * 1000));
}

/**
 * Returns date and time in the order of ISO 8601, in the reader's own time zone.
 * @param {number} unixS
 */
export function formatIso(unixS) {
  const date = new Date(unixS * 1000);
  const twoDigits = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), twoDigits(date.getMonth() + 1), twoDigits(date.getDate())].join("-");
  return `${day} ${formatTime(unixS, "en")}`;
}

/**
 * Returns date and time as an element: ISO 8601, and in Persian the Jalali date before it.
 * @param {number} unixS
 */
export function timeElement(unixS) {
  const date = new Date(unixS * 1000);
  const properties = { datetime: date.toISOString() };
  if (language() !== "fa") return h("time", properties, formatIso(unixS));
  const jalali = new Intl.DateTimeFormat(JALALI, { dateStyle: "medium" }).format(date);
  const iso = h("bdi", { class: "quiet" }, formatIso(unixS).slice(0, 10));
  return h("time", properties, `${jalali}، ${formatTime(unixS)} `, iso);
}
