// A flash from the browser: looks at a board, gives it our firmware, its token and the Wi-Fi, and restarts it.
// The password of the Wi-Fi goes to the board only.

import { request } from "./api.js";
import { closeCode, FACTS, FILES, openCode, readCode, removeCode, renameCode } from "./board-code.js";
import { BoardError } from "./board-error.js";
import { sha256 } from "./checksums.js";
import {
  CONFIG,
  checkSpace,
  dumpManifest,
  kindOf,
  MAIN,
  MANIFEST,
  mergedConfig,
  mergedOwned,
  parseManifest,
  planOf,
  STAGED,
} from "./flash-plan.js";

/** @import { BoardPrompt } from "./board-prompt.js" */
/** @import { Facts, Owned } from "./flash-plan.js" */

const CHUNK_BYTES = 1_024;
// The number of renames in one piece of code that a board can compile.
const PAIRS_AT_ONCE = 12;
const FILES_MS = 60_000;
const BOOT = "/boot.py";
const LABEL_CHARS_MAX = 64;

/**
 * @typedef {object} Choices
 * @property {string} device "" for the name that it has, or one of its number
 * @property {string} ssid
 * @property {string} password
 * @property {string} gateway as boards reach it
 */

/** @typedef {(key: string, value?: string) => void} Report the key of a sentence, and what is in it */

/**
 * Flashes a board that is at its prompt, and restarts it; returns its name. Throws a `BoardError` or a `Problem`.
 * @param {BoardPrompt} prompt
 * @param {Choices} choices
 * @param {Report} report
 */
export async function flashBoard(prompt, choices, report) {
  /** @type {Facts} */
  const facts = JSON.parse(lastLine(await prompt.exec(FACTS)));
  const kind = kindOf(facts);
  report("flash_found", `${facts.machine}, MicroPython ${facts.version.join(".")}`);
  const { files } = await request("GET", `/api/firmware?kind=${kind}&mpy=${facts.mpy}`);
  /** @type {Map<string, Uint8Array>} */
  const contents = new Map(Object.entries(files).map(([path, data]) => [path, bytesOf(data)]));
  const wanted = new Map();
  for (const [path, data] of contents) wanted.set(path, await sha256(data));
  const there = new Map(linesOf(await prompt.exec(FILES, FILES_MS)));
  const owned = there.has(MANIFEST) ? parseManifest(await readText(prompt, MANIFEST)) : {};
  const config = there.has(CONFIG) ? configOf(await readText(prompt, CONFIG)) : {};
  /** @type {[string, string][]} */
  const aside = [];
  if (await isStockBoot(prompt, there, wanted, owned)) {
    aside.push([BOOT, `${BOOT}.kept-1`]);
    there.delete(BOOT);
  }
  const { copy, stale } = planOf(wanted, there, owned);
  checkSpace([1, ...copy.map((path) => contents.get(path)?.length ?? 0)], facts.free_bytes);

  const device = choices.device || config.device || `${kind}-${facts.id.slice(-6)}`;
  const label = `flashed ${facts.id}`.slice(0, LABEL_CHARS_MAX);
  const issued = await request("POST", "/api/tokens", { kind, device, label });
  let isPlacing = false;
  try {
    contents.set(CONFIG, await settings(device, config, facts, choices, issued.token));
    const order = [...copy.filter((path) => path !== MAIN), CONFIG, ...copy.filter((path) => path === MAIN)];
    const after = Object.fromEntries([...wanted].map(([path, hash]) => [path, [hash]]));
    await stage(prompt, order, contents, mergedOwned(owned, after), report);
    isPlacing = true;
    await place(prompt, [...aside, ...order.map((path) => /** @type {[string, string]} */ ([path + STAGED, path]))]);
    await prompt.exec(removeCode(stale));
    await writeFile(prompt, MANIFEST, new TextEncoder().encode(dumpManifest(after)));
  } catch (error) {
    // The board does not have it.
    if (!isPlacing) await request("DELETE", `/api/tokens/${issued.id}`).catch(() => {});
    throw error;
  }
  report("flash_restarts", device);
  await prompt.restart();
  return { device, tokenId: issued.id, label };
}

/**
 * Revokes the tokens that a board had from earlier flashes, once it is online with the new one.
 * @param {{ tokenId: string, label: string }} flashed
 */
export async function settleTokens({ tokenId, label }) {
  const { tokens } = await request("GET", "/api/tokens");
  for (const token of tokens) {
    if (token.label !== label || token.state !== "live" || token.id === tokenId) continue;
    await request("DELETE", `/api/tokens/${token.id}`);
  }
}

/** @type {(device: string, config: Record<string, any>, facts: Facts, choices: Choices, token: string) => Promise<Uint8Array>} */
async function settings(device, config, facts, choices, token) {
  const path = `/api/devices/${encodeURIComponent(device)}/update-key`;
  // A board without one takes no updates over the air.
  const { key } = await request("POST", path).catch(() => ({ key: null }));
  const { psk } = await request("GET", "/api/health");
  const usesPsk = psk && facts.modules.includes("tls_psk") && !config.ca;
  const merged = mergedConfig(config, { ...choices, device, token, updateKey: key, usesPsk });
  return new TextEncoder().encode(`${JSON.stringify(merged, null, 1)}\n`);
}

/** @type {(prompt: BoardPrompt, order: string[], contents: Map<string, Uint8Array>, owned: Owned, report: Report) => Promise<void>} */
async function stage(prompt, order, contents, owned, report) {
  // First, so that the next flash knows our files even if this one is interrupted.
  await writeFile(prompt, MANIFEST, new TextEncoder().encode(dumpManifest(owned)));
  for (const [index, path] of order.entries()) {
    report("flash_copies", `${index + 1}/${order.length} ${path}`);
    await writeFile(prompt, path + STAGED, /** @type {Uint8Array} */ (contents.get(path)));
  }
}

/** @type {(prompt: BoardPrompt, pairs: [string, string][]) => Promise<void>} */
async function place(prompt, pairs) {
  for (let at = 0; at < pairs.length; at += PAIRS_AT_ONCE) {
    await prompt.exec(renameCode(pairs.slice(at, at + PAIRS_AT_ONCE)), FILES_MS);
  }
}

/** @type {(prompt: BoardPrompt, path: string, data: Uint8Array) => Promise<void>} */
async function writeFile(prompt, path, data) {
  await prompt.exec(openCode(path));
  for (let at = 0; at < data.length; at += CHUNK_BYTES) {
    const chunk = String.fromCharCode(...data.subarray(at, at + CHUNK_BYTES));
    await prompt.exec(`_w('${btoa(chunk)}')`);
  }
  const hash = (await prompt.exec(closeCode(path), FILES_MS)).trim();
  if (hash !== (await sha256(data))) throw new BoardError("flash_damaged", path);
}

/** Whether boot.py is the one that MicroPython makes by itself: nothing but comments. */
/** @type {(prompt: BoardPrompt, there: Map<string, string>, wanted: Map<string, string>, owned: Owned) => Promise<boolean>} */
async function isStockBoot(prompt, there, wanted, owned) {
  const hash = there.get(BOOT);
  if (!hash || hash === wanted.get(BOOT) || (owned[BOOT] ?? []).includes(hash)) return false;
  return (await readText(prompt, BOOT)).split("\n").every((line) => !line.trim() || line.startsWith("#"));
}

/** @type {(prompt: BoardPrompt, path: string) => Promise<string>} */
async function readText(prompt, path) {
  const lines = (await prompt.exec(readCode(path), FILES_MS)).trim().split(/\s+/);
  const bytes = lines.flatMap((line) => [...bytesOf(line)]);
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** @param {string} text of config.json */
function configOf(text) {
  try {
    const config = JSON.parse(text);
    if (typeof config === "object" && config && !Array.isArray(config)) return config;
  } catch {
    // Told below.
  }
  throw new BoardError("flash_bad_config");
}

/** @param {string} output */
function linesOf(output) {
  return output
    .trim()
    .split(/\r?\n/)
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** @param {string} output */
function lastLine(output) {
  return output.trim().split(/\r?\n/).at(-1) ?? "";
}

/** @param {string} base64 */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
