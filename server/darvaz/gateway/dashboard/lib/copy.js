// A text to take along, with a button that copies it.

import { announce, h } from "./dom.js";
import { t } from "./words.js";

const SHOWN_MS = 2_000;

export function copyable(text) {
  const code = h("pre", { dir: "ltr", tabindex: 0 }, text);
  const button = h("button", { type: "button", class: "quiet", onclick: async () => {
    const said = t((await isCopied(text, code)) ? "copied" : "copy_by_hand");
    button.textContent = said;
    announce(said);
    setTimeout(() => {
      button.textContent = t("copy");
    }, SHOWN_MS);
  } }, t("copy"));
  return h("div", { class: "copyable" }, code, button);
}

// Without TLS browsers keep the clipboard shut; the older way still works there, and leaves the text selected.
async function isCopied(text, code) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  }
}
