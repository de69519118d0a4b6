// Text to copy, with a button that copies it.

import { isCopied } from "../lib/clipboard.js";
import { announce, button, h, t } from "./page-parts.js";

const SHOWN_MS = 2_000;

/**
 * Returns a text with a button that copies it.
 * @param {string} text
 */
export function copyable(text) {
  const code = h("pre", { dir: "ltr", tabindex: 0 }, text);
  return h(
    "div",
    { class: "copyable" },
    code,
    copyButton("copy", "copied", () => text, code),
  );
}

/**
 * Returns a button that copies a text, and says whether that worked.
 * @param {string} key
 * @param {string} doneKey
 * @param {() => string} textOf
 * @param {HTMLElement} [code] the element that shows the text
 */
export function copyButton(key, doneKey, textOf, code) {
  const made = button(key, async () => {
    const text = textOf();
    const shown = code ?? h("span", { class: "visually-hidden" }, text);
    if (!code) made.after(shown);
    const result = t((await isCopied(text, shown)) ? doneKey : "copy_by_hand");
    if (!code) shown.remove();
    made.textContent = result;
    announce(result);
    setTimeout(() => made.replaceChildren(t(key)), SHOWN_MS);
  });
  return made;
}
