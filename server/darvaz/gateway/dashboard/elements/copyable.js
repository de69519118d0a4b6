// Text to copy, with a button that copies it.

import { announce, h } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { button } from "./page-parts.js";

const SHOWN_MS = 2_000;

/**
 * Returns a text with a button that copies it.
 * @param {string} text
 */
export function copyable(text) {
  const code = h("pre", { dir: "ltr", tabindex: 0 }, text);
  const copy = async () => {
    const result = t((await isCopied(text, code)) ? "copied" : "copy_by_hand");
    copyButton.textContent = result;
    announce(result);
    setTimeout(() => {
      copyButton.textContent = t("copy");
    }, SHOWN_MS);
  };
  const copyButton = button("copy", copy);
  return h("div", { class: "copyable" }, code, copyButton);
}

/**
 * Copies a text and returns whether that worked. Without TLS browsers have no `navigator.clipboard`; the older way
 * still works there, and leaves the text selected where it does not.
 * @param {string} text
 * @param {Node} code the element that shows the text
 */
export async function isCopied(text, code) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return document.execCommand("copy");
  }
}
