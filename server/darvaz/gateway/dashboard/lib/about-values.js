// What people call the values of boards, and how they are written.

import { compareNames } from "./fold.js";
import { formatValue } from "./format.js";
import { nameOf } from "./known-devices.js";
import { own } from "./own.js";
import { orderOf, titleOf } from "./rules.js";
import { store } from "./store.js";
import { t } from "./words.js";

/** @import { Device, Value } from "./types.js" */

// What the library itself reports, with unit and title.
/** @type {Record<string, [unit: string, title: string]>} */
const VITALS = { rssi_dbm: ["dBm", "signal"], heap_free_bytes: ["B", "heap"] };

/** Whether it is a value that the library itself reports.
 * @param {string} name */
export const isVital = (name) => Object.hasOwn(VITALS, name);

/**
 * Returns the newest value of a board; null: unknown.
 * @type {(device: Device | undefined, name: string) => Value | null}
 */
export function newestOf(device, name) {
  const vital = device?.[/** @type {"rssi_dbm"} */ (name)];
  return own(device?.values ?? {}, name)?.value ?? (typeof vital === "number" ? vital : null);
}

/**
 * Returns the title and the unit of a value, and how to write what it is.
 * @param {string} device
 * @param {string} name
 */
export function aboutValue(device, name) {
  const known = store.devices.get(device);
  const rule = own(known?.telemetry ?? {}, name);
  const words = own(known?.words?.telemetry ?? {}, name);
  const [vitalUnit, vitalTitle] = own(VITALS, name) ?? [];
  const unit = words?.unit ?? rule?.unit ?? vitalUnit ?? "";
  const title = titleOf(words, rule?.title || (vitalTitle ? t(vitalTitle) : name));
  const textOf = (/** @type {Value | null} */ value) =>
    own(words?.options ?? {}, String(value)) ?? formatValue(value, unit, words?.precision);
  return { title, unit, textOf, words };
}

/** @returns {Device[]} all boards, in the order of their names */
export function boardsByName() {
  return [...store.devices.values()].sort((a, b) => compareNames(nameOf(a), nameOf(b)));
}

/**
 * Returns what people call a board.
 * @param {string} device
 */
export function boardName(device) {
  const known = store.devices.get(device);
  return known ? nameOf(known) : device;
}

/**
 * Returns the names of a board's values: in the order of its maker, with those of the library last.
 * @param {Device} device
 */
export function valueNamesOf(device) {
  const byOrder = orderOf(device.words?.telemetry);
  const vitals = Object.keys(VITALS).filter((name) => device[/** @type {"rssi_dbm"} */ (name)] !== null);
  const names = Object.keys(device.values).filter((name) => !isVital(name));
  return [...names.sort(byOrder), ...vitals];
}

/**
 * Returns the value that most of some boards have, and those that have it.
 * @param {Device[]} devices
 */
export function commonValueOf(devices) {
  /** @type {Map<string, string[]>} */
  const boards = new Map();
  for (const device of devices) {
    for (const name of valueNamesOf(device)) boards.set(name, [...(boards.get(name) ?? []), device.id]);
  }
  const isText = (/** @type {string} */ name) =>
    Number(devices.some(({ values }) => ["string", "boolean"].includes(typeof own(values, name)?.value)));
  const found = [...boards].sort(
    ([a, ofA], [b, ofB]) => Number(isVital(a)) - Number(isVital(b)) || ofB.length - ofA.length || isText(a) - isText(b),
  )[0];
  return found ? { name: found[0], ids: found[1].sort(compareNames) } : null;
}
