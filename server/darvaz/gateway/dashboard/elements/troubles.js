// What is wrong in the fleet, in words: the boards that are offline by their common causes, safe mode, weak signals, low memory.

import { outagesOf, problemOf } from "../lib/fleet.js";
import { bdi, deviceLink, formatAgo, formatNumber, h, icon, nameOf, t } from "./page-parts.js";

/** @import { Child, Device } from "../lib/types.js" */
/** @import { FleetFilter, Outage } from "../lib/fleet.js" */

const SHOWN_MAX = 4;
const NAMED_MAX = 3;
// From this number on, boards that are lost at once have a common cause.
const COMMON_FROM = 3;

/** @param {(change: Partial<FleetFilter>) => void} onfilter shows the boards of a problem */
export function troubles(onfilter) {
  const list = h("div", {});
  const element = h("section", { class: "troubles", hidden: true, "aria-label": t("troubles") }, list);
  let drawn = "";
  const draw = (/** @type {Device[]} */ devices) => {
    const outages = outagesOf(devices);
    const items = outages.slice(0, SHOWN_MAX).map(outageItem);
    const rest = outages.slice(SHOWN_MAX).flatMap((outage) => outage.devices).length;
    if (rest) items.push(counted("more_offline", rest, { state: "offline" }, onfilter));
    for (const problem of /** @type {const} */ (["safe_mode", "weak", "memory"])) {
      const count = devices.filter((device) => problemOf(device) === problem).length;
      if (count) items.push(counted(`count_${problem}`, count, { state: problem }, onfilter));
    }
    element.hidden = !items.length;
    const text = items.map((item) => item.textContent).join("\n");
    // Nothing that somebody points at or reads is replaced by the same.
    if (text === drawn || list.contains(document.activeElement)) return;
    drawn = text;
    list.replaceChildren(...items);
  };
  return { element, draw };
}

/** @param {Outage} outage */
function outageItem({ end, timeS, devices }) {
  const names = devices
    .slice(0, NAMED_MAX)
    .map((device, at) => [at ? t("comma") : "", deviceLink(device, bdi(nameOf(device)))]);
  const more = devices.length - NAMED_MAX;
  const advice = devices.length >= COMMON_FROM && end === "silent" ? t("cause_common") : t(`todo_${end}`);
  return item([
    h("strong", {}, names, more > 0 && ` ${t("and_more", formatNumber(more))}`),
    ": ",
    `${t(`end_${end}`)} · ${formatAgo(timeS)}. `,
    h("span", { class: "quiet" }, advice),
  ]);
}

/** @type {(key: string, count: number, change: Partial<FleetFilter>, onfilter: (change: Partial<FleetFilter>) => void) => HTMLDivElement} */
function counted(key, count, change, onfilter) {
  const button = h(
    "button",
    { type: "button", class: "link", onclick: () => onfilter(change) },
    t(key, formatNumber(count)),
  );
  return item([button, " ", h("span", { class: "quiet" }, key === "more_offline" ? "" : t(`todo_${change.state}`))]);
}

/** @param {Child[]} content */
function item(content) {
  return h("div", { class: "trouble" }, icon("warning"), h("span", {}, content));
}
