// The language of the page: the browser's at first, then the one that the reader chose.

import { common } from "./words-common.js";

/** @typedef {"en" | "fa"} Language */
/** @typedef {Record<string, [english: string, persian: string]>} Words */

/** @type {Words} */
export const WORDS = { ...common };
const KEY = "darvaz.language";
/** @type {Language} */
let chosen = (localStorage.getItem(KEY) ?? navigator.language).startsWith("fa") ? "fa" : "en";

export const language = () => chosen;

/**
 * Returns a sentence in the reader's language, with `value` in place of {}.
 * @param {string} key
 * @param {string} [value]
 */
export function t(key, value = "") {
  return (WORDS[key]?.[chosen === "fa" ? 1 : 0] ?? key).replace("{}", () => value);
}

/**
 * Returns the sentence of a key that a board made, or what the board said.
 * @param {string} key
 * @param {string} said
 */
export const known = (key, said) => (WORDS[key] ? t(key) : said);

/**
 * Takes the sentences of one page, which are loaded with it.
 * @param {Words} words
 */
export function addWords(words) {
  Object.assign(WORDS, words);
}

/**
 * Changes the language and remembers it.
 * @param {Language} wanted
 */
export function chooseLanguage(wanted) {
  chosen = wanted;
  localStorage.setItem(KEY, wanted);
  applyLanguage();
}

/** Gives the document its language and direction. */
export function applyLanguage() {
  document.documentElement.lang = chosen;
  document.documentElement.dir = chosen === "fa" ? "rtl" : "ltr";
}
