// Numbers, dates and durations as a reader of the chosen language expects them.

import { nowS } from "./clock.js";
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

// Of a number below 1, which would otherwise be shown as 0.
const SIGNIFICANT = 3;
const TINY = 1e-6;
const HUGE = 1e15;
const DIGITS_MAX = 6;

/**
 * Returns a number; without `digits` as exactly as people read it: two digits after the point, three significant ones
 * below 1, and a power of ten for what is very small or large.
 * @param {number} value
 * @param {number} [digits] the greatest number of digits after the point
 */
export function formatNumber(value, digits) {
  return formatterOf(language(), optionsOf(Math.abs(value), digits)).format(value);
}

/** @type {(size: number, digits?: number) => Intl.NumberFormatOptions} */
function optionsOf(size, digits) {
  if (digits !== undefined) return { maximumFractionDigits: digits };
  if (size >= HUGE || (size < TINY && size > 0))
    return { notation: "scientific", maximumSignificantDigits: SIGNIFICANT };
  return size >= 1 || size === 0 ? { maximumFractionDigits: 2 } : { maximumSignificantDigits: SIGNIFICANT };
}

/** @type {Map<string, Intl.NumberFormat>} made once each: that takes longer than a number */
const FORMATTERS = new Map();

/** @type {(of: Language, options: Intl.NumberFormatOptions) => Intl.NumberFormat} */
function formatterOf(of, options) {
  const key = of + JSON.stringify(options);
  const formatter = FORMATTERS.get(key) ?? new Intl.NumberFormat(LOCALES[of], options);
  FORMATTERS.set(key, formatter);
  return formatter;
}

/**
 * Returns a value of an axis whose values are `step` apart: as many digits as tell them apart.
 * @param {number} value
 * @param {number} step
 */
export function formatTick(value, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return digits > DIGITS_MAX ? formatShort(value) : formatNumber(value, digits);
}

/**
 * Returns a number in few characters.
 * @param {number} value
 */
export function formatShort(value) {
  return formatterOf(language(), { notation: "scientific", maximumSignificantDigits: DIGITS_MAX }).format(value);
}

/**
 * Returns a value of telemetry with its unit.
 * @param {Value | null} value null: unknown
 * @param {string} [unit]
 * @param {number} [precision] digits after the point
 */
export function formatValue(value, unit, precision) {
  if (value === null) return "–";
  if (typeof value === "boolean") return t(value ? "on" : "off");
  if (typeof value !== "number") return visible(value);
  if (unit === "B") return formatBytes(value);
  // Isolated, so that "°C" is not split among Persian digits.
  return unit ? `${formatNumber(value, precision)}\u00a0\u2068${visible(unit)}\u2069` : formatNumber(value, precision);
}

/**
 * @param {number} bytes
 * @param {number} [digits] of kilobytes, after the point
 */
export function formatBytes(bytes, digits = 0) {
  const [size, unit] = bytes < MIB ? [bytes / KIB, "KB"] : [bytes / MIB, "MB"];
  // A range of some kilobytes needs three more digits in megabytes.
  const shown = bytes < MIB ? digits : digits && digits + 3;
  return `${formatNumber(size, unit === "MB" && !shown ? 2 : shown)} ${unit}`;
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
  return parts.slice(0, 2).join(language() === "fa" ? " و " : " ");
}

/**
 * Returns how long ago a time was.
 * @param {number} unixS
 */
export function formatAgo(unixS) {
  const seconds = nowS() - unixS;
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
 * Whether a time is of this day.
 * @param {number} unixS
 */
export function isToday(unixS) {
  return new Date(unixS * 1000).toDateString() === new Date(nowS() * 1000).toDateString();
}

/**
 * Returns day and month; in Persian those of the Jalali calendar.
 * @param {number} unixS
 * @param {Language} [of]
 */
export function formatDate(unixS, of = language()) {
  const locale = of === "fa" ? JALALI : LOCALES.en;
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
