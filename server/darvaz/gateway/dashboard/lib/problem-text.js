// Sentences of the gateway for a Persian page: what they mean, and where that is not all, themselves behind it.

import { visible } from "./dom.js";
import { codes, partly, sentences } from "./words-problems.js";

const DIGITS = "۰۱۲۳۴۵۶۷۸۹";
const MORE = "به انگلیسی";
// A refusal in the journal ends with its status and code.
const CODE = /\b\d{3} ([a-z_]+)$/;
const PATTERNS = sentences.map(([pattern, text]) => ({ pattern: new RegExp(pattern), text }));

/**
 * Returns a sentence of the gateway in Persian.
 * @param {string} sentence in English
 * @param {string} [code] of its problem; without one it may end with it
 */
export function persianOf(sentence, code = CODE.exec(sentence)?.[1] ?? "") {
  for (const { pattern, text } of PATTERNS) {
    const found = pattern.exec(sentence);
    // A board may say anything: what it says is not of the gateway.
    if (found && code !== "refused_by_board") return text.replace(/\$(\d)/g, (_, at) => shown(found[Number(at)]));
  }
  if (!Object.hasOwn(codes, code)) return sentence;
  // In quotation marks, as marks of direction would be written out by those who show untrusted text.
  return partly.has(code) ? `${codes[code]} (${MORE}: «${visible(sentence)}»)` : codes[code];
}

/** @param {string} text that the gateway put into the sentence */
function shown(text) {
  // Digits of a name are a part of it.
  return /^[\d.]+$/.test(text) ? text.replace(/\d/g, (digit) => DIGITS[Number(digit)]) : visible(text);
}
