// The language of the page: the browser's at first, then the one that the reader chose.

import { en } from "./words-en.js";
import { fa } from "./words-fa.js";

/** @typedef {"en" | "fa"} Language */

/** @type {Record<Language, Record<string, string>>} */
const WORDS = { en, fa };
/** What pages brought with them. */
export const addedWords = /** @type {Record<string, [string, string]>[]} */ ([]);
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
  return (WORDS[chosen][key] ?? WORDS.en[key] ?? key).replace("{}", () => value);
}

/**
 * Takes the sentences of one page, which are loaded with it.
 * @param {Record<string, [english: string, persian: string]>} words
 */
export function addWords(words) {
  addedWords.push(words);
  for (const [key, [english, persian]] of Object.entries(words)) {
    WORDS.en[key] = english;
    WORDS.fa[key] = persian;
  }
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
