// Requests to the gateway's API. A refusal becomes an error with its code and a sentence for the reader.

import { setClockFrom } from "./clock.js";
import { language, t } from "./words.js";

/** @import { Device } from "./types.js" */

const DEADLINE_MS = 30_000;
// A request that only reads is sent again after these times: a weak network loses single ones.
const RETRIES_MS = [300, 1_500];

/** A request that the gateway refused, or that did not reach it (`status` 0). */
export class Problem extends Error {
  /**
   * @param {number} status of HTTP
   * @param {string} code
   * @param {string} detail the gateway's own sentence, in English
   * @param {string} [reason] the same for the reader
   */
  constructor(status, code, detail, reason = detail) {
    super(detail);
    this.status = status;
    this.code = code;
    this.reason = reason;
  }
}

/**
 * Returns a sentence of the gateway in the reader's language.
 * @param {string} sentence in English
 * @param {string} [code] of its problem
 */
export async function inLanguage(sentence, code) {
  if (language() === "en") return sentence;
  // A script that is lost leaves the sentence as it is.
  const text = await import("./problem-text.js").catch(() => null);
  return text ? text.persianOf(sentence, code) : sentence;
}

/**
 * Returns why something failed, for the reader.
 * @param {unknown} error
 */
export function reasonOf(error) {
  return error instanceof Problem ? error.reason : String(error);
}

/**
 * Returns the sentence that something failed, and why.
 * @param {unknown} error
 */
export function failureText(error) {
  return t("failed", reasonOf(error));
}

/**
 * Sends a request and returns the JSON of the answer, or null if it has none; 401 leads to the sign-in page.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {number} [deadlineMs]
 * @returns {Promise<any>}
 */
export async function request(method, path, body, deadlineMs) {
  const response = await send(method, path, body, deadlineMs);
  return response.status === 204 ? null : response.json().catch(() => ({}));
}

/**
 * Returns the file at a path.
 * @param {string} path
 */
export async function fetchFile(path) {
  return (await send("GET", path)).blob();
}

/** @type {(method: string, path: string, body?: unknown, deadlineMs?: number) => Promise<Response>} */
async function send(method, path, body, deadlineMs = DEADLINE_MS) {
  const response = await reach(method, path, body, method === "GET" ? RETRIES_MS : [], deadlineMs);
  setClockFrom(response.headers.get("Date"));
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) {
    // After signing in one comes back to the same place.
    sessionStorage.setItem("darvaz.back", location.hash);
    location.assign("sign-in");
  }
  const { code = "failed", detail = response.statusText } = answer;
  throw new Problem(response.status, code, detail, await inLanguage(detail, code));
}

/** @type {(method: string, path: string, body: unknown, retriesMs: number[], deadlineMs: number) => Promise<Response>} */
async function reach(method, path, body, [retryMs, ...laterMs], deadlineMs) {
  const json =
    body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    return await fetch(relative(path), { method, signal: AbortSignal.timeout(deadlineMs), ...json });
  } catch {
    if (retryMs !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      return reach(method, path, body, laterMs, deadlineMs);
    }
    throw new Problem(0, "unreachable", t("problem_unreachable"));
  }
}

/**
 * Returns every device, page by page.
 * @returns {Promise<Device[]>}
 */
export async function loadDevices() {
  const devices = [];
  let path = "/api/devices";
  for (;;) {
    const page = await request("GET", path);
    devices.push(...page.devices);
    if (!page.next) return devices;
    path = `/api/devices?${new URLSearchParams({ after: page.next })}`;
  }
}

/**
 * Returns a path of the gateway as seen from its pages: a proxy may show them below a path of its own.
 * @param {string} path
 */
export function relative(path) {
  return `.${path}`;
}

/**
 * Returns the API's path of a device.
 * @param {string} device
 * @param {...string} rest
 */
export function pathOf(device, ...rest) {
  return ["/api/devices", ...[device, ...rest].map(encodeURIComponent)].join("/");
}
