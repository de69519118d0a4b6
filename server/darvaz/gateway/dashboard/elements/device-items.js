// One device in the list: as a card, or as a row of a table.

import { chosenColumns } from "../lib/columns.js";
import { endOf, problemOf } from "../lib/fleet.js";
import {
  aboutValue,
  bdi,
  button,
  deviceLink,
  formatAgo,
  formatBytes,
  formatDuration,
  formatValue,
  h,
  icon,
  nameOf,
  nowS,
  orderOf,
  presence,
  row,
  store,
  switchOf,
  t,
  visible,
} from "./page-parts.js";
import { quickSwitch } from "./quick-switch.js";
import { sparkline } from "./sparkline.js";

/** @import { Child, Device } from "../lib/types.js" */

/** @typedef {((id: string) => HTMLElement) | null} SelectBox makes the box that selects a device; null: there is none */
/** @typedef {HTMLElement & {fill(device: Device): void}} DeviceItem */

const VALUES_SHOWN = 4;
const CELL_VALUES = 2;
const UNSORTED = new Set(["values"]);

/** @type {(device: Device, select: SelectBox) => DeviceItem} */
export function cardOf(device, select) {
  const body = h("div", {});
  const tools = h("div", { class: "tools" }, select?.(device.id));
  const line = sparkline(device);
  // A switch for what is used most, as long as the board declares it.
  const command = switchOf(device)?.name;
  const control = command && store.mayUse(device, command) ? quickSwitch(device) : null;
  if (control) tools.append(control.element);
  const card = h("li", { class: "card" }, body, line.element, tools);
  const fill = (/** @type {Device} */ now) => {
    fillCard(card, body, now);
    line.draw(now);
    control?.draw(now);
  };
  fill(device);
  return Object.assign(card, { fill });
}

/** @type {(card: HTMLElement, body: HTMLElement, device: Device) => void} */
function fillCard(card, body, device) {
  const problem = problemOf(device);
  card.className = `card ${device.online ? "" : "away"} ${problem ? `has-problem ${problem}` : ""}`;
  const link = deviceLink(device, bdi(nameOf(device)));
  // The focus stays on the link while values change.
  const hadFocus = body.contains(document.activeElement);
  body.replaceChildren(
    row(h("h2", {}, link), presence(device)),
    h("p", { class: "quiet small" }, stateOf(device)),
    valuesOf(device),
    h("p", { class: "quiet small" }, detailsOf(device)),
  );
  if (hadFocus) link.focus();
}

/** @param {Device} device */
function stateOf(device) {
  const { kind, online, since, last_seen, groups } = device;
  const duration = () => formatDuration(nowS() - (since ?? last_seen));
  const state = `${t(`kind_${kind}`)} · ${online ? t("since", duration()) : `${t(`end_${endOf(device)}`)}${t("comma")}${formatAgo(last_seen)}`}`;
  return [state, groups.map((name) => [" ", h("span", { class: "tag" }, bdi(name))])];
}

/** @param {Device} device */
function detailsOf({ online, ip, address, version, rssi_dbm: signal, heap_free_bytes: heap, protection }) {
  /** @type {Child[]} */
  const parts = [];
  const dir = document.documentElement.dir;
  if (online && signal !== null) {
    const weak = problemOf({ online, rssi_dbm: signal, heap_free_bytes: null }) === "weak";
    parts.push(h("bdi", { dir, title: t("signal"), class: weak ? "bad" : "" }, formatValue(signal, "dBm")));
  }
  if (online && heap !== null) parts.push(h("bdi", { dir, title: t("heap") }, t("free", formatBytes(heap))));
  if (online && protection === "encrypted") {
    parts.push(h("span", { role: "img", "aria-label": t("link_encrypted"), title: t("link_encrypted") }, icon("lock")));
  }
  if (version) parts.push(bdi(`v${version.replace(/^v/, "")}`));
  if (ip || address) parts.push(bdi(ip || address));
  return parts.flatMap((part, at) => (at ? [" · ", part] : [part]));
}

/** @param {Device} device */
function shownValues({ id, values, words }) {
  const names = Object.keys(values).sort(orderOf(words?.telemetry));
  return names.map((name) => {
    const { title, textOf } = aboutValue(id, name);
    const { value } = values[name];
    return { title, text: textOf(value), isText: typeof value === "string" };
  });
}

/** @param {Device} device */
function valuesOf(device) {
  const items = shownValues(device)
    .slice(0, VALUES_SHOWN)
    .map(({ title, text, isText }) => {
      const value = h(isText ? "bdi" : "span", isText ? { title: visible(text).slice(0, 300) } : {}, text);
      return h("div", {}, h("dt", {}, bdi(title)), h("dd", {}, value));
    });
  return h("dl", { class: "values" }, items);
}

/**
 * Returns the head of the table; a press on a column sorts by it.
 * @type {(sort: string, onsort: (column: string) => void, isSelecting: boolean) => HTMLElement}
 */
export function tableHead(sort, onsort, isSelecting) {
  const cells = chosenColumns().map((column) => {
    if (UNSORTED.has(column)) return h("th", { scope: "col" }, t(`column_${column}`));
    const direction = sort === column ? "ascending" : sort === `-${column}` ? "descending" : "none";
    const sorts = button(`column_${column}`, () => onsort(column), "link");
    return h("th", { scope: "col", "aria-sort": direction }, sorts);
  });
  return h("thead", {}, h("tr", {}, isSelecting && h("td", {}), cells));
}

/** @type {(device: Device, select: SelectBox) => DeviceItem} */
export function rowOf(device, select) {
  const row = h("tr", {});
  const box = select && h("td", {}, select(device.id));
  const fill = (/** @type {Device} */ now) => {
    const hadFocus = row.contains(document.activeElement) && !box?.contains(document.activeElement);
    row.className = now.online ? "" : "away";
    row.replaceChildren(...(box ? [box] : []), ...cellsOf(now));
    if (hadFocus) row.querySelector("a")?.focus();
  };
  fill(device);
  return Object.assign(row, { fill });
}

/** @param {Device} device */
function cellsOf(device) {
  const { online, groups, rssi_dbm: signal, heap_free_bytes: heap, version, program, kind } = device;
  const { ip, address, uptime_s, last_seen } = device;
  const problem = problemOf(device);
  const values = shownValues(device).slice(0, CELL_VALUES);
  const texts = values.map(({ title, text }) =>
    h("span", { class: "value" }, bdi(title, { class: "quiet" }), " ", h("bdi", {}, text)),
  );
  /** @type {Record<string, Child>} */
  const cells = {
    state: [presence(device), !online && h("small", { class: "quiet" }, " ", formatAgo(last_seen))],
    values: texts,
    group: groups.map((name) => [h("span", { class: "tag" }, bdi(name)), " "]),
    signal: online && signal !== null && formatValue(signal, "dBm"),
    memory: online && heap !== null && formatBytes(heap),
    version: bdi(version ?? ""),
    release: bdi(program?.release ?? ""),
    kind: t(`kind_${kind}`),
    address: bdi(ip || address || ""),
    uptime: online && uptime_s !== null && formatDuration(uptime_s),
  };
  const bad = problem === "weak" ? "signal" : problem;
  return chosenColumns().map((column) =>
    column === "name"
      ? h("th", { scope: "row" }, deviceLink(device, bdi(nameOf(device))))
      : h("td", { class: column === bad ? "bad" : "" }, cells[column]),
  );
}
