// What a command answered.

import { clipped, formatValue, h, t, visible } from "./page-parts.js";

// Words of this length are shown at once.
const WORDS_CHARS = 240;

/**
 * Returns a result or arguments in words, one text for each part.
 * @param {any} value
 */
export function textsOf(value) {
  const text = (/** @type {any} */ part) => formatValue(typeof part === "object" && part ? JSON.stringify(part) : part);
  if (typeof value !== "object") return value === undefined ? [] : [text(value)];
  return Object.entries(value ?? {}).map(([key, part]) => `${visible(key)} ${text(part)}`);
}

/**
 * Returns what a command answered: in words, or anything larger on demand.
 * @param {unknown} result
 * @returns {(Node | string)[]}
 */
export function resultParts(result) {
  if (result === null || result === undefined) return [t("done")];
  const words = textsOf(result).join(" · ");
  const isShort = words && words.length <= WORDS_CHARS && !/[{[]/.test(words);
  if (isShort || typeof result !== "object") return [`${t("done")}: `, ...clipped(words, t("more"))];
  const raw = h("pre", { dir: "ltr" }, ...clipped(JSON.stringify(result, null, 1), t("more")));
  return [h("details", {}, h("summary", {}, t("done")), raw)];
}
