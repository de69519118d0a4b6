// Asks before something that cannot be taken back.

import { h, visible } from "./dom.js";
import { t } from "./words.js";

/** Shows a question; returns whether it was answered with yes. */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "question", onclose: () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    } },
      h("form", { method: "dialog" },
        h("p", { id: "question", dir: "auto" }, visible(question)),
        h("div", { class: "row" },
          h("button", { value: "no", class: "quiet", autofocus: true }, t("cancel")),
          h("button", { value: "yes", class: "danger" }, yes))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
