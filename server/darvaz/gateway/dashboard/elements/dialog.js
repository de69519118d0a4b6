// Asks for confirmation of what cannot be undone.

/** @import { Child } from "../lib/types.js" */
import { h, row, t, visible } from "../lib/page.js";

/**
 * Shows something in a dialog, until it is closed; returns the dialog.
 * @type {(title: string, ...content: Child[]) => HTMLDialogElement}
 */
export function showDialog(title, ...content) {
  const close = h("form", { method: "dialog" }, h("button", { class: "quiet" }, t("close")));
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-label": title }, content, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

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
      row(
        h("button", { value: "no", class: "quiet", autofocus: true }, t("cancel")),
        h("button", { value: "yes", class: "danger" }, yes),
      ),
    );
    const dialog = h("dialog", { "aria-labelledby": "question", onclose }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}
