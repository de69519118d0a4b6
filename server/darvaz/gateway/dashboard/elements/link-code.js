// A link with a secret: to copy, and as a QR code for a phone.

import { addressFor } from "../lib/addresses.js";
import { reasonOf, request } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { copyable } from "./copyable.js";

/** @import { Child, IssuedLink } from "../lib/types.js" */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Returns a new link with its QR code.
 * @param {IssuedLink} link
 * @param {Child} hint how often and how long it works
 */
export async function linkCode({ path, address, is_public }, hint) {
  const text = addressFor(location, address, is_public) + path;
  const { size, path: squares } = await request("POST", "/api/qr-codes", { text });
  const code = document.createElementNS(SVG, "svg");
  const drawing = document.createElementNS(SVG, "path");
  drawing.setAttribute("d", squares);
  const shown = { viewBox: `0 0 ${size} ${size}`, class: "code", role: "img", "aria-label": t("qr_code") };
  for (const [name, value] of Object.entries(shown)) code.setAttribute(name, value);
  code.append(drawing);
  return h("div", { class: "link-code" }, h("p", {}, hint), copyable(text), code);
}

/** Shows a link for another device of the reader. */
export async function ownLink() {
  const content = h("div", {});
  const dialog = h(
    "dialog",
    { "aria-label": t("own_link") },
    h("h2", {}, t("own_link")),
    content,
    h("form", { method: "dialog" }, h("button", { class: "quiet" }, t("close"))),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  try {
    content.replaceChildren(await linkCode(await request("POST", "/api/session/link"), t("link_hint")));
  } catch (error) {
    content.replaceChildren(h("p", { role: "alert", class: "failed" }, t("failed", reasonOf(error))));
  }
}
