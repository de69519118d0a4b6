// Text as a search compares it: letters and digits that people take for the same are the same.

// Letters that look the same and that keyboards mix up.
/** @type {Record<string, string>} */
const ALIKE = { ي: "ی", ى: "ی", ك: "ک", ۀ: "ه", ة: "ه", أ: "ا", إ: "ا", آ: "ا", "\u200c": " ", "-": " ", _: " " };
const ALIKE_PATTERN = /[يىكۀةأإآ\u200c_-]/g;
const DIGITS = /[۰-۹٠-٩]/g;

/**
 * Returns a text with Latin digits and a decimal point in place of Persian and Arabic ones.
 * @param {string} text
 */
export function plainDigits(text) {
  return text
    .replace(DIGITS, (digit) => String(digit.charCodeAt(0) & 15))
    .replace(/[٫,]/, ".")
    .trim();
}

/**
 * Returns what is the same for texts that people take for one.
 * @param {string} text
 */
export function fold(text) {
  const plain = text.normalize("NFKC").toLowerCase();
  const digits = plain.replace(DIGITS, (digit) => String(digit.charCodeAt(0) & 15));
  return digits
    .replace(ALIKE_PATTERN, (letter) => ALIKE[letter])
    .replace(/\s+/g, " ")
    .trim();
}

/**
 * Compares names as people order them: 2 before 10, and by the letters of the language.
 * @type {(a: string, b: string) => number}
 */
export const compareNames = new Intl.Collator(undefined, { numeric: true }).compare;
