// Rules in words, in the reader's language.

import { boardName } from "./about-values.js";
import { formatDuration, formatNumber, formatValue } from "./format.js";
import { own } from "./own.js";
import { titleOf } from "./rules.js";
import { store } from "./store.js";
import { language, t } from "./words.js";

/** @import { Rule } from "./types.js" */

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** Returns the days of a week, in the order of the reader. */
export const weekDays = () => (language() === "fa" ? [...DAYS.slice(5), ...DAYS.slice(0, 5)] : DAYS);

/**
 * Returns when a rule does something.
 * @param {Rule} rule
 */
export function whenText({ when, device, group, value, threshold, for_s, at, days }) {
  if (when === "time") {
    const [hours, minutes] = (at ?? "")
      .split(":")
      .map((part) => formatNumber(Number(part)).padStart(2, formatNumber(0)));
    const shown =
      days.length < DAYS.length
        ? weekDays()
            .filter((day) => days.includes(day))
            .map((day) => t(`day_${day}`))
            .join(language() === "fa" ? "، " : ", ")
        : t("rule_every_day");
    return `${t("rule_at_time", `${hours}:${minutes}`)} · ${shown}`;
  }
  const of = device ? boardName(device) : group ? t("of_group", group) : t("all_boards");
  const what =
    value && threshold !== null ? `${value} ${t(`rule_${when}`, formatValue(threshold))}` : t(`rule_${when}`);
  return `${of}: ${what}${for_s ? ` ${t("for_time", formatDuration(for_s))}` : ""}`;
}

/**
 * Returns what a rule does.
 * @param {Rule} rule
 */
export function thenText({ message, command, args, to_device, to_group }) {
  if (message !== null) return t("rule_tell", message);
  const of = to_device ? boardName(to_device) : t("of_group", to_group ?? "");
  const words = own(store.devices.get(to_device ?? "")?.words?.commands ?? {}, command ?? "");
  const given = Object.entries(args).map(([key, value]) => `${key} ${formatValue(value)}`);
  return `${of}: ${titleOf(words, command ?? "")}${given.length ? ` (${given.join(", ")})` : ""}`;
}
