// Rules of alerts in words, and the fields of a rule from what a reader typed.

import { boardName } from "./about-values.js";
import { formatDuration, formatValue } from "./format.js";
import { t } from "./words.js";
import "./words-alerts.js";

/** @import { Alert, AlertRule } from "./types.js" */

const MINUTE_S = 60;
/** What a rule of this kind needs: a value's name, and something to compare with.
 * @type {Record<string, { hasValue: boolean, hasThreshold: boolean, hasTime: boolean }>} */
export const KINDS = {
  below: { hasValue: true, hasThreshold: true, hasTime: true },
  above: { hasValue: true, hasThreshold: true, hasTime: true },
  is: { hasValue: true, hasThreshold: true, hasTime: true },
  silent: { hasValue: true, hasThreshold: false, hasTime: true },
  offline: { hasValue: false, hasThreshold: false, hasTime: true },
  event_crash: { hasValue: false, hasThreshold: false, hasTime: false },
  event_release_fell_back: { hasValue: false, hasThreshold: false, hasTime: false },
  disk: { hasValue: false, hasThreshold: true, hasTime: false },
};

/**
 * Returns what a rule watches, without the board.
 * @param {AlertRule} rule
 */
export function conditionText(rule) {
  return rule.value && rule.threshold !== null ? `${rule.value} ${comparisonText(rule)}` : comparisonText(rule);
}

/**
 * Returns the same without the name of a value that is compared.
 * @param {AlertRule} rule
 */
export function comparisonText({ when, value, threshold, for_s, event }) {
  const shown = threshold === null ? "" : formatValue(threshold);
  const condition = when === "silent" ? t("rule_silent", value ?? "") : when === "event" ? t(`event_${event}`) : "";
  const compared = condition || t(`rule_${when}`, shown);
  return for_s ? `${compared} ${t("for_time", formatDuration(for_s))}` : compared;
}

/**
 * Returns what a rule is about.
 * @param {AlertRule} rule
 */
export function targetText({ when, device, group }) {
  if (when === "disk") return t("the_gateway");
  return device ? boardName(device) : group ? t("of_group", group) : t("all_boards");
}

/**
 * Returns what is wrong: by the rule in the reader's language, or by the gateway's own words if the rule is gone.
 * @param {Alert} alert
 * @param {AlertRule | undefined} rule
 */
export function alertText(alert, rule) {
  if (!rule) return alert.what;
  const text = rule.title || conditionText(rule);
  const isCompared = ["below", "above", "is", "disk"].includes(rule.when);
  return isCompared && alert.value !== null ? `${text} (${formatValue(alert.value)})` : text;
}

/**
 * Returns a number that was typed in digits of any script; NaN if it is none.
 * @param {string} text
 */
export function numberOf(text) {
  const latin = text
    .trim()
    .replace(/[۰-۹]/g, (digit) => String(digit.charCodeAt(0) - 0x6f0))
    .replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
    .replace("٫", ".")
    .replace("−", "-");
  return latin === "" ? Number.NaN : Number(latin);
}

/**
 * Returns the fields of a rule for the API.
 * @param {{ when: string, about: string, value: string, threshold: string, minutes: string, hysteresis: string,
 *   begin: string, end: string }} typed `about` is "device/…", "group/…" or ""
 */
export function fieldsOf(typed) {
  const { hasValue, hasThreshold, hasTime } = KINDS[typed.when];
  const [kind, ...rest] = typed.about.split("/");
  const number = numberOf(typed.threshold);
  const plain = typed.threshold.trim();
  const truth = plain === "true" || plain === t("on") ? true : plain === "false" || plain === t("off") ? false : plain;
  const compared = typed.when === "is" && Number.isNaN(number) ? truth : number;
  return {
    when: typed.when.startsWith("event_") ? "event" : typed.when,
    event: typed.when.startsWith("event_") ? typed.when.slice("event_".length) : null,
    device: kind === "device" && typed.when !== "disk" ? rest.join("/") : null,
    group: kind === "group" && typed.when !== "disk" ? rest.join("/") : null,
    value: hasValue ? typed.value.trim() : null,
    threshold: hasThreshold ? compared : null,
    for_s: hasTime ? (numberOf(typed.minutes) || 0) * MINUTE_S : 0,
    hysteresis: numberOf(typed.hysteresis) || 0,
    quiet: typed.begin && typed.end ? { begin: typed.begin, end: typed.end } : null,
  };
}
