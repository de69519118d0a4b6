// What a fleet looks like: which boards have a problem and why, which a filter shows, and in what order.

import { compareNames, fold } from "./fold.js";
import { nameOf } from "./known-devices.js";
import { own } from "./own.js";
import { t } from "./words.js";

/** @import { Device } from "./types.js" */

/** @typedef {"silent" | "left" | "restarted" | "refused" | "unknown"} End how a link ended, as people understand it */
/** @typedef {"offline" | "safe_mode" | "weak" | "memory"} Problem */

/**
 * Which boards are shown, and how: as the address of the page has it.
 * @typedef {object} FleetFilter
 * @property {string} q text
 * @property {string} state "", "online", "offline", "problem", "safe_mode", "weak" or "memory"
 * @property {string} kind
 * @property {string} group
 * @property {string} version
 * @property {string} sort "" for problems first, a column, or "-" and a column
 * @property {string} view "" for cards, "table"
 */

/**
 * Boards whose links ended in the same way at the same time.
 * @typedef {{end: End, timeS: number, devices: Device[]}} Outage
 */

// Below it, a board loses packets and is soon lost itself.
const WEAK_DBM = -80;
const LOW_BYTES = 16 * 1024;
// Links that end within this time of one another have one cause.
const SAME_S = 3;
// Close codes of links, by what they mean for a person.
/** @type {Record<string, End>} */
const ENDS = { 1000: "left", 1001: "left", 1006: "silent", 4408: "silent", 1012: "restarted", 1011: "unknown" };
const KEYS = /** @type {const} */ (["q", "state", "kind", "group", "version", "sort", "view"]);

/** The columns that a table may have, in their order, with what they sort by. */
/** @type {Record<string, (device: Device) => string | number | null>} */
export const COLUMNS = {
  name: nameOf,
  state: (device) => Number(!device.online),
  values: () => null,
  group: (device) => device.groups.join(", ") || null,
  signal: (device) => (device.online ? device.rssi_dbm : null),
  memory: (device) => (device.online ? device.heap_free_bytes : null),
  version: (device) => device.version,
  kind: (device) => t(`kind_${device.kind}`),
  address: (device) => device.ip || device.address,
  release: (device) => Number(device.program?.release) || device.program?.release || null,
  uptime: (device) => (device.online ? device.uptime_s : null),
  seen: (device) => device.last_seen,
};

/**
 * Returns what is wrong with a board, the worst first; null: nothing.
 * @param {Pick<Device, "online" | "rssi_dbm" | "heap_free_bytes" | "program">} device
 * @returns {Problem | null}
 */
export function problemOf({ online, rssi_dbm: signal, heap_free_bytes: heap, program }) {
  if (!online) return "offline";
  if (program?.state === "safe_mode") return "safe_mode";
  if (signal !== null && signal < WEAK_DBM) return "weak";
  return heap !== null && heap < LOW_BYTES ? "memory" : null;
}

/**
 * Returns how the link of a board that is offline ended.
 * @param {Pick<Device, "last_end">} device
 * @returns {End}
 */
export function endOf({ last_end }) {
  return own(ENDS, String(last_end ?? "")) ?? (last_end && last_end >= 4000 ? "refused" : "unknown");
}

/**
 * Returns the boards that are offline, those with one cause together; the newest first.
 * @param {Iterable<Device>} devices
 * @returns {Outage[]}
 */
export function outagesOf(devices) {
  const away = [...devices].filter(({ online }) => !online).sort((a, b) => b.last_seen - a.last_seen);
  /** @type {Outage[]} */
  const outages = [];
  for (const device of away) {
    const [last, end] = [outages.at(-1), endOf(device)];
    if (last?.end === end && last.timeS - device.last_seen <= SAME_S) last.devices.push(device);
    else outages.push({ end, timeS: device.last_seen, devices: [device] });
  }
  return outages;
}

/**
 * Returns the filter that an address has.
 * @param {string} hash of the page's address
 * @returns {FleetFilter}
 */
export function filterOf(hash) {
  const query = new URLSearchParams(hash.split("?")[1] ?? "");
  return /** @type {FleetFilter} */ (Object.fromEntries(KEYS.map((key) => [key, query.get(key) ?? ""])));
}

/**
 * Returns the address of a filter.
 * @param {FleetFilter} filter
 */
export function hashOf(filter) {
  const query = new URLSearchParams(KEYS.filter((key) => filter[key]).map((key) => [key, filter[key]]));
  return `#/${query.size ? `?${query}` : ""}`;
}

/**
 * Returns the boards that a filter shows, in its order.
 * @type {(devices: Iterable<Device>, filter: FleetFilter) => Device[]}
 */
export function shownOf(devices, filter) {
  const words = fold(filter.q).split(" ").filter(Boolean);
  const isShown = (/** @type {Device} */ device) =>
    isOf(device, filter) && (!words.length || hasAll(textOf(device), words));
  return [...devices].filter(isShown).sort(orderOf(filter.sort));
}

/** @type {(device: Device, filter: FleetFilter) => boolean} */
function isOf(device, { state, kind, group, version }) {
  const problem = problemOf(device);
  const isState = !state || state === problem || (state === "problem" ? problem !== null : isOnline(device, state));
  const isInGroup = !group || device.groups.some((name) => fold(name) === fold(group));
  return isState && isInGroup && (!kind || device.kind === kind) && (!version || device.version === version);
}

/** @type {(device: Device, state: string) => boolean} */
const isOnline = ({ online }, state) => (state === "online" && online) || (state === "offline" && !online);

/** @type {(text: string, words: string[]) => boolean} */
const hasAll = (text, words) => words.every((word) => text.includes(word));

/** @param {Device} device */
function textOf({ id, label, kind, groups, ip, address, version, board, online, values }) {
  const texts = Object.values(values).filter(({ value }) => typeof value === "string");
  const parts = [id, label, kind, t(`kind_${kind}`), ...groups, ip, address, version, board];
  return fold(
    [
      ...parts,
      online ? "online" : "offline",
      t(online ? "online" : "offline"),
      ...texts.map(({ value }) => value),
    ].join(" "),
  );
}

/**
 * Returns how to compare boards.
 * @param {string} sort
 * @returns {(a: Device, b: Device) => number}
 */
export function orderOf(sort) {
  const column = own(COLUMNS, sort.replace(/^-/, ""));
  const byName = (/** @type {Device} */ a, /** @type {Device} */ b) => compareNames(nameOf(a), nameOf(b));
  if (!column) return (a, b) => rankOf(a) - rankOf(b) || byName(a, b);
  const sign = sort.startsWith("-") ? -1 : 1;
  return (a, b) => sign * compare(column(a), column(b), sign) || byName(a, b);
}

/** @param {Device} device */
function rankOf(device) {
  const problem = problemOf(device);
  return problem === "offline" ? 0 : problem ? 1 : 2;
}

// What is not known comes last in both directions.
/** @type {(a: string | number | null, b: string | number | null, sign: number) => number} */
function compare(a, b, sign) {
  if (a === null || b === null) return sign * (Number(a === null) - Number(b === null));
  return typeof a === "number" && typeof b === "number" ? a - b : compareNames(String(a), String(b));
}

/**
 * Returns a table as CSV, which spreadsheets take for text.
 * @param {(string | number | boolean | null)[][]} rows
 */
export function csvOf(rows) {
  const cell = (/** @type {string | number | boolean | null} */ value) => {
    const text = String(value ?? "");
    // A cell that starts so is a formula.
    const harmless = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return `"${harmless.replaceAll('"', '""')}"`;
  };
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
