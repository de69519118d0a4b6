// The number of alerts that nobody has acknowledged, for the header of every page.

import { formatNumber } from "../lib/format.js";
import { h, request, store, t } from "../lib/page.js";

const COUNT_DELAY_MS = 400;
export const alertCount = h("span", { class: "count", hidden: true });
let countTimer = 0;

/** Shows how many alerts nobody has acknowledged, beside the name of their page. */
async function countAlerts() {
  try {
    /** @type {{alerts: import("../lib/types.js").Alert[]}} */
    const { alerts } = await request("GET", "/api/alerts");
    const count = alerts.filter(({ acknowledged }) => acknowledged === null).length;
    alertCount.hidden = !count;
    alertCount.replaceChildren(
      h("span", { "aria-hidden": "true" }, formatNumber(count)),
      h("span", { class: "visually-hidden" }, t("count_alerts", formatNumber(count))),
    );
  } catch {
    // The banner tells that the gateway does not answer.
  }
}

/** Counts once for all alerts that begin or end within a short time. */
export function countSoon() {
  if (store.limits) return;
  clearTimeout(countTimer);
  countTimer = setTimeout(countAlerts, COUNT_DELAY_MS);
}

store.addEventListener("alert", countSoon);
store.addEventListener("hello", countSoon);
