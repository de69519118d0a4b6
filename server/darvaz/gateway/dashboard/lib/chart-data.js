// Loads what a chart shows: the points or states of its values, and what happened to their boards meanwhile.

import { pathOf, request } from "./api.js";
import { offlineSpansOf } from "./chart-math.js";
import { own } from "./own.js";
import { store } from "./store.js";

/** @import { Alert, AlertRule, JournalEntry, Point } from "./types.js" */
/** @import { ChartSeries } from "./chart-state.js" */
/** @import { State } from "./chart-math.js" */

/** @typedef {{points: Point[], states: State[]}} Data of one value; a text or truth value has states */
/** @typedef {"command" | "release" | "alert" | "crash"} MarkKind */
/** @typedef {{kind: MarkKind, timeS: number, toS: number, text: string}} Mark what happened, until when it was so */
/** @typedef {{offline: [fromS: number, toS: number][], marks: Mark[]}} Happened */

// A caller may read little at the same time.
const AT_ONCE = 4;
const ENTRIES_MAX = 500;
const ALERTS_MAX = 500;
const KINDS = /** @type {Record<string, MarkKind>} */ ({ command: "command", update: "release", crash: "crash" });

/**
 * Calls an asynchronous function for each item, few at a time.
 * @template T, R
 * @param {T[]} items
 * @param {(item: T) => Promise<R>} call
 * @returns {Promise<R[]>}
 */
export async function fewAtOnce(items, call) {
  /** @type {R[]} */
  const results = [];
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await call(items[at]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

/**
 * Loads one value over a time.
 * @param {ChartSeries} series
 * @param {number} fromS
 * @param {number} toS
 * @param {number} points
 * @returns {Promise<Data>}
 */
export async function loadSeries({ device, name }, fromS, toS, points) {
  const span = { from: String(fromS), to: String(toS) };
  const path = pathOf(device, "telemetry", name);
  const newest = own(store.devices.get(device)?.values ?? {}, name)?.value;
  if (typeof newest !== "number") {
    /** @type {{states: State[]}} */
    const { states } = await request("GET", `${path}/states?${new URLSearchParams(span)}`);
    // A board that started again does not tell what kind of value it is.
    if (states.length || typeof newest === "string") return { points: [], states };
  }
  const query = new URLSearchParams({ ...span, points: String(points) });
  return { points: (await request("GET", `${path}?${query}`)).points, states: [] };
}

/**
 * Loads what happened to a board in a time, without its alerts.
 * @param {string} device
 * @param {number} fromS
 * @param {number} toS
 * @returns {Promise<Happened>}
 */
export async function loadHappened(device, fromS, toS) {
  const read = async (/** @type {Record<string, string>} */ filter) => {
    const query = { device, from: String(fromS), to: String(toS), limit: String(ENTRIES_MAX), ...filter };
    /** @type {{rows: JournalEntry[]}} */
    const { rows } = await request("GET", `/api/journal?${new URLSearchParams(query)}`);
    return rows;
  };
  const [changes, commands] = [await read({ direction: "=" }), await read({ direction: ">", type: "command" })];
  const marks = [...changes, ...commands].flatMap((entry) => markOf(entry));
  const isOnline = store.devices.get(device)?.online ?? false;
  return { offline: offlineSpansOf(changes, fromS, toS, isOnline), marks };
}

/** @type {(entry: JournalEntry) => Mark[]} */
function markOf({ type, happened, payload }) {
  const kind = own(KINDS, type);
  return kind
    ? [{ kind, timeS: happened, toS: happened, text: kind === "command" ? commandText(payload) : payload }]
    : [];
}

/** @param {string} payload */
function commandText(payload) {
  try {
    const { name, args } = JSON.parse(payload);
    const given = Object.entries(args ?? {}).map(([key, value]) => `${key} ${value}`);
    return given.length ? `${name} (${given.join(", ")})` : String(name);
  } catch {
    return payload;
  }
}

/**
 * Loads the alerts of boards in a time, as marks by board.
 * @param {Set<string>} devices
 * @param {number} fromS
 * @param {number} toS
 * @param {(alert: Alert, rule: AlertRule | undefined) => string} textOf
 */
export async function loadAlerts(devices, fromS, toS, textOf) {
  if (store.limits) return new Map();
  const [now, past, { rules }] = await Promise.all([
    request("GET", "/api/alerts"),
    request("GET", `/api/alerts/history?limit=${ALERTS_MAX}`),
    request("GET", "/api/alert-rules"),
  ]);
  /** @type {Map<string, Mark[]>} */
  const marks = new Map();
  for (const alert of /** @type {Alert[]} */ ([...now.alerts, ...past.alerts])) {
    const endS = alert.ended ?? toS;
    if (alert.device === null || !devices.has(alert.device) || endS < fromS || alert.since > toS) continue;
    const rule = rules.find((/** @type {AlertRule} */ { id }) => id === alert.rule);
    const found = marks.get(alert.device) ?? [];
    found.push({ kind: "alert", timeS: alert.since, toS: endS, text: textOf(alert, rule) });
    marks.set(alert.device, found);
  }
  return marks;
}
