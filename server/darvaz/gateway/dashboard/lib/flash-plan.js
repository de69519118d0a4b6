// What a flash from the browser does with a board, decided before anything is written. What is not simple, such as a
// maker's own program, is left to `make flash`, which keeps it.

import { BoardError } from "./board-error.js";

export const MAIN = "/main.py";
export const CONFIG = "/config.json";
export const MANIFEST = "/lib/darvaz/manifest.json";
export const STAGED = ".darvaz-staged";
const LIBRARY = "/lib/darvaz/";
const LOADER = "/lib/darvaz_loader.";
// Releases that came over the air: they would run instead of what is flashed.
const STATE = "/program.json";
const SHADOWS = ["/darvaz.py", "/darvaz.mpy"];
const OLDEST = { pico: [1, 25, 0], esp32cam: [1, 24, 0] };
const BLOCK_BYTES = 4096;
const SPARE_BYTES = 4 * BLOCK_BYTES;
const FORM = 1;
const NETWORKS_MAX = 8;

/**
 * What a board says of itself.
 * @typedef {object} Facts
 * @property {string} implementation
 * @property {number[]} version
 * @property {string} platform
 * @property {string} machine
 * @property {string | null} kind of a virtual board
 * @property {number} mpy
 * @property {number} free_bytes
 * @property {string} id
 * @property {string[]} modules
 */

/** @typedef {"pico" | "esp32cam"} Kind */
/** @typedef {Record<string, string[]>} Owned by path, each SHA-256 that a file of ours may have */

/**
 * Returns which firmware a board gets; throws a `BoardError` if none can be used.
 * @param {Facts} facts
 * @returns {Kind}
 */
export function kindOf(facts) {
  if (facts.implementation !== "micropython") throw new BoardError("flash_no_micropython", facts.implementation);
  const kind = facts.kind ?? realKind(facts);
  if (kind !== "pico" && kind !== "esp32cam") throw new BoardError("flash_unknown_kind", facts.machine);
  if (isOlder(facts.version, OLDEST[kind])) throw new BoardError("flash_too_old", facts.version.join("."));
  if (!facts.modules.includes("network")) throw new BoardError("flash_no_wifi");
  if (kind === "esp32cam" && !facts.modules.includes("camera")) throw new BoardError("flash_no_camera");
  return kind;
}

/** @param {Facts} facts */
function realKind({ platform, machine }) {
  if (platform === "rp2" && machine.includes("Pico")) return "pico";
  return platform === "esp32" && machine.endsWith("ESP32") ? "esp32cam" : null;
}

/** @type {(version: number[], oldest: number[]) => boolean} */
function isOlder(version, oldest) {
  const at = oldest.findIndex((number, index) => (version[index] ?? 0) !== number);
  return at >= 0 && (version[at] ?? 0) < oldest[at];
}

/**
 * Returns the files that are ours; none for a manifest that is damaged or has another form.
 * @param {string} text
 * @returns {Owned}
 */
export function parseManifest(text) {
  try {
    const read = JSON.parse(text);
    return read.form === FORM && typeof read.files === "object" && read.files ? read.files : {};
  } catch {
    return {};
  }
}

/** @param {Owned} owned */
export function dumpManifest(owned) {
  return JSON.stringify({ form: FORM, files: owned });
}

/**
 * Returns the manifest for the time of a change, in which files may be as before or as after.
 * @type {(before: Owned, after: Owned) => Owned}
 */
export function mergedOwned(before, after) {
  const paths = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries(
    [...paths].map((path) => [path, [...new Set([...(before[path] ?? []), ...(after[path] ?? [])])]]),
  );
}

/**
 * Returns which files to copy and to remove; throws a `BoardError` where a maker's own files would be in the way.
 * @param {Map<string, string>} wanted SHA-256 by path, without settings
 * @param {Map<string, string>} there SHA-256 by path, of what the board has
 * @param {Owned} owned
 */
export function planOf(wanted, there, owned) {
  const shadows = [STATE, ...SHADOWS].filter((path) => there.has(path));
  const foreign = [...wanted].filter(
    ([path, hash]) => !isOurs(path) && there.has(path) && there.get(path) !== hash && !isUnchanged(path, there, owned),
  );
  const names = [...shadows, ...foreign.map(([path]) => path)];
  if (names.length) throw new BoardError("flash_foreign", names.join(", "));
  const copy = [...wanted].filter(([path, hash]) => there.get(path) !== hash).map(([path]) => path);
  const stale = [...there.keys()].filter(
    (path) =>
      path !== CONFIG &&
      path !== MANIFEST &&
      !wanted.has(path) &&
      (isUnchanged(path, there, owned) || wanted.has(twinOf(path)) || path.endsWith(STAGED)),
  );
  return { copy, stale };
}

/** @type {(path: string, there: Map<string, string>, owned: Owned) => boolean} */
function isUnchanged(path, there, owned) {
  return (owned[path] ?? []).includes(there.get(path) ?? "");
}

/** @param {string} path */
function isOurs(path) {
  return path.startsWith(LIBRARY) || path.startsWith(LOADER);
}

/**
 * Returns the same module of ours in the other form, source or compiled; MicroPython would load the source.
 * @param {string} path
 */
function twinOf(path) {
  if (!isOurs(path)) return "";
  return path.endsWith(".py") ? path.replace(/\.py$/, ".mpy") : path.replace(/\.mpy$/, ".py");
}

/**
 * Throws a `BoardError` if files do not fit beside the old ones.
 * @param {number[]} sizes
 * @param {number} freeBytes
 */
export function checkSpace(sizes, freeBytes) {
  const neededBytes = sizes.reduce((sum, size) => sum + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES, SPARE_BYTES);
  if (neededBytes > freeBytes) throw new BoardError("flash_no_space", String(Math.ceil(neededBytes / 1024)));
}

/**
 * Returns what is wrong with a Wi-Fi as the key of a sentence; "" if it is right.
 * @type {(ssid: string, password: string) => string}
 */
export function wifiFault(ssid, password) {
  const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;
  if (bytes(ssid) < 1 || bytes(ssid) > 32) return "flash_ssid_long";
  const isKey = /^[0-9a-fA-F]{64}$/.test(password);
  return isKey || !password || (bytes(password) >= 8 && bytes(password) <= 63) ? "" : "flash_password_long";
}

/**
 * Returns config.json with what a flash sets, and all that the maker added.
 * @param {Record<string, any>} config
 * @param {{ device: string, token: string, ssid: string, password: string, gateway: string, updateKey: string | null,
 *   usesPsk: boolean }} chosen
 */
export function mergedConfig(config, { device, token, ssid, password, gateway, updateKey, usesPsk }) {
  const { psk: _, ...kept } = Object.keys(config).length ? config : { grace_s: 1 };
  const isNetwork = (/** @type {any} */ entry) => typeof entry?.ssid === "string";
  const networks = Array.isArray(config.networks) ? config.networks.filter(isNetwork) : [];
  const { password: __, ...before } = networks.find(({ ssid: name }) => name === ssid) ?? {};
  const first = { ...before, ssid, ...(password && { password }) };
  const others = networks.filter(({ ssid: name }) => name !== ssid);
  const address = usesPsk ? gateway.replace(/^ws:/, "wss:") : gateway;
  const gateways = Array.isArray(config.gateways) && config.gateways.includes(address) ? config.gateways : [address];
  return {
    ...kept,
    device,
    token,
    ...(updateKey && { update_key: updateKey }),
    ...(usesPsk && { psk: true }),
    networks: [first, ...others].slice(0, NETWORKS_MAX),
    gateways,
  };
}
