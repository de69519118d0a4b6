// A text to take along, with a button that copies it.

import { announce, h } from "/pages/dom.js";
import { t } from "/pages/words.js";

const SHOWN_MS = 2_000;

export function copyable(text) {
  const code = h("pre", { dir: "ltr", tabindex: 0 }, text);
  const button = h("button", { type: "button", class: "quiet", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without TLS browsers keep the clipboard shut: then it is selected, for Ctrl-C.
      getSelection().selectAllChildren(code);
      return;
    }
    button.textContent = t("copied");
    announce(t("copied"));
    setTimeout(() => {
      button.textContent = t("copy");
    }, SHOWN_MS);
  } }, t("copy"));
  return h("div", { class: "copyable" }, code, button);
}
