// The language of the page: chosen by the browser at first, by the reader from then on.

import { en } from "./words-en.js";
import { fa } from "./words-fa.js";

const WORDS = { en, fa };
const KEY = "darvaz.language";
let chosen = (localStorage.getItem(KEY) ?? navigator.language).startsWith("fa") ? "fa" : "en";

export const language = () => chosen;

/** Returns a sentence in the reader's language; {} in it is what it is about. */
export function t(word, what = "") {
  return (WORDS[chosen][word] ?? en[word] ?? word).replace("{}", () => what);
}

/** Changes the language, remembers it, and turns the page's direction. */
export function choose(wanted) {
  chosen = wanted;
  localStorage.setItem(KEY, wanted);
  apply();
}

export function apply() {
  document.documentElement.lang = chosen;
  document.documentElement.dir = chosen === "fa" ? "rtl" : "ltr";
}
