// A link with a secret: to copy, and as a QR code for a phone.

import { addressFor } from "../lib/addresses.js";
import { copyable } from "./copyable.js";
import { drawn, failureText, h, request, showDialog, t } from "./page-parts.js";
import "../lib/words-people.js";

/** @import { Child, IssuedLink } from "../lib/types.js" */

/**
 * Returns a new link with its QR code.
 * @param {IssuedLink} link
 * @param {Child} hint how often and how long it works
 */
export async function linkCode({ path, address, is_public }, hint) {
  const text = addressFor(location, address, is_public) + path;
  const { size, path: squares } = await request("POST", "/api/qr-codes", { text });
  const shown = { viewBox: `0 0 ${size} ${size}`, class: "code", role: "img", "aria-label": t("qr_code") };
  const code = drawn("svg", shown, drawn("path", { d: squares }));
  return h("div", { class: "link-code" }, h("p", {}, hint), copyable(text), code);
}

/** Shows a link for another device of the reader. */
export async function ownLink() {
  const content = h("div", {});
  showDialog(t("own_link"), h("h2", {}, t("own_link")), content);
  try {
    content.replaceChildren(await linkCode(await request("POST", "/api/session/link"), t("link_hint")));
  } catch (error) {
    content.replaceChildren(h("p", { role: "alert", class: "failed" }, failureText(error)));
  }
}
