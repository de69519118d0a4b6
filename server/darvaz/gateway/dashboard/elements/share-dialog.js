// Shares one dashboard: a link with its own role and end, and its QR code.

import { bdi, failureText, h, request, t } from "../lib/page.js";
import { showDialog } from "./dialog.js";
import { linkCode } from "./link-code.js";
import { formOf, labelled, select } from "./page-parts.js";

/**
 * Asks for role and end, and shows the link.
 * @param {import("../lib/types.js").Layout} layout
 */
export function shareDialog({ id, title }) {
  const role = select(["viewer", "user"], "share");
  const uses = h("input", { type: "number", min: 1, max: 200, value: 10, required: true });
  const days = h("input", { type: "number", min: 1, max: 366, value: 7, required: true });
  const made = h("div", { "aria-live": "polite" });
  const onsend = async () => {
    const given = { role: role.value, uses: Number(uses.value), days: Number(days.value), layout: id };
    try {
      made.replaceChildren(await linkCode(await request("POST", "/api/invitations", given), t("share_hint")));
    } catch (error) {
      made.replaceChildren(h("p", { role: "alert", class: "failed" }, failureText(error)));
    }
  };
  const fields = [labelled("share_role", role), labelled("share_uses", uses), labelled("share_days", days)];
  showDialog(
    t("share"),
    h("h2", {}, t("share"), " ", bdi(title)),
    formOf(onsend, fields, h("button", {}, t("make_link"))),
    made,
  );
}
