// The devices that the page knows: a list that was loaded, and the changes that events brought since.

import { nowS } from "./clock.js";
import { own } from "./own.js";

/** @import { Device, Reading, TelemetryReport } from "./types.js" */

// By how much the page may be wrong about the gateway's clock.
const CLOCK_S = 5;

/** Keeps devices by id. What an event brings while a list is on its way is newer than that list. */
export class KnownDevices {
  /** @type {Map<string, Device>} by id */
  #devices = new Map();
  /** Lists that were requested and have not arrived. */
  #loading = 0;
  /** @type {Map<string, Device | null>} by id, what changed while a list was on its way; null: forgotten */
  #changed = new Map();
  /** @type {Map<string, Record<string, Reading>>} by id, readings that came while a list was on its way */
  #readings = new Map();

  /** @returns {ReadonlyMap<string, Device>} by id */
  get all() {
    return this.#devices;
  }

  /** Call before a list is requested, and `endLoad` when it has arrived. */
  beginLoad() {
    if (!this.#loading) {
      this.#changed.clear();
      this.#readings.clear();
    }
    this.#loading += 1;
  }

  /**
   * Takes a list that has arrived, and applies again what changed meanwhile.
   * @param {Device[] | null} list null: the request failed
   */
  endLoad(list) {
    if (list) {
      this.#devices = new Map(list.map((device) => [device.id, device]));
      for (const [id, device] of this.#changed) this.#put(id, device);
      for (const [id, readings] of this.#readings) Object.assign(this.#devices.get(id)?.values ?? {}, readings);
    }
    this.#loading -= 1;
  }

  /**
   * Adds or replaces a device; returns whether it is new.
   * @param {Device} device
   */
  set(device) {
    const isNew = !this.#devices.has(device.id);
    this.#put(device.id, device);
    return isNew;
  }

  /** @param {string} id */
  delete(id) {
    this.#put(id, null);
  }

  /**
   * Takes the new readings of a device; returns whether the device is known.
   * @param {TelemetryReport} report
   */
  addReadings({ id, time, values }) {
    const device = this.#devices.get(id);
    if (!device) return false;
    const newest = Object.entries(values).filter(([name]) => !isLate(time, own(device.values, name)));
    const readings = Object.fromEntries(newest.map(([name, value]) => [name, { value, time }]));
    Object.assign(device.values, readings);
    // Kept apart from #changed: readings must not bring back an older state of the device itself.
    if (this.#loading) this.#readings.set(id, { ...this.#readings.get(id), ...readings });
    return true;
  }

  /** @type {(id: string, device: Device | null) => void} */
  #put(id, device) {
    if (device) this.#devices.set(id, device);
    else this.#devices.delete(id);
    if (this.#loading) this.#changed.set(id, device);
  }
}

/**
 * Returns whether something newer than a reading of this time is known; after the gateway's clock was set back, what is
 * known is in the future, and the reading is the newest.
 * @type {(time: number, known: Reading | undefined) => boolean}
 */
function isLate(time, known) {
  return known !== undefined && time < known.time && known.time <= nowS() + CLOCK_S;
}

/**
 * Returns the name of a device for people.
 * @param {Device} device
 */
export function nameOf(device) {
  return device.label || device.id;
}
