// Asks for confirmation of what cannot be undone.

import { h, visible } from "../lib/dom.js";
import { t } from "../lib/words.js";

/**
 * Shows a question and returns whether the answer was yes.
 * @param {string} question
 * @param {string} yes the label of the button that confirms
 * @returns {Promise<boolean>}
 */
export function isConfirmed(question, yes) {
  return new Promise((resolve) => {
    const onclose = () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    };
    const form = h(
      "form",
      { method: "dialog" },
      h("p", { id: "question", dir: "auto" }, visible(question)),
      h(
        "div",
        { class: "row" },
        h("button", { value: "no", class: "quiet", autofocus: true }, t("cancel")),
        h("button", { value: "yes", class: "danger" }, yes),
      ),
    );
    const dialog = h("dialog", { "aria-labelledby": "question", onclose }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}
