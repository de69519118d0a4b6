// Gives the reader a file that the page made.

import { h } from "./dom.js";
import { formatIso } from "./format.js";

const KEPT_MS = 3_000;

/**
 * @param {string} name without time and ending
 * @param {string} ending
 * @param {Blob} blob
 */
export function saveFile(name, ending, blob) {
  const url = URL.createObjectURL(blob);
  const time = formatIso(Date.now() / 1000).replace(/[: ]/g, "-");
  h("a", { href: url, download: `${name}-${time}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
