// Asks the gateway; what it refuses becomes an error with its word and its sentence.

import { language, t } from "./words.js";

export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }

  /** What to tell a reader: the gateway's own sentence, which is English, or what is usual in the reader's words. */
  get said() {
    return language() !== "en" && USUAL.has(this.code) ? t(`problem_${this.code}`) : this.message;
  }
}

const USUAL = new Set(["offline", "timed_out", "busy", "unreachable", "unknown_device", "too_many_failures"]);

const DEADLINE_MS = 30_000;

/** Asks, and returns the answer's JSON (null if there is none); a visitor who is not signed in is led to sign in. */
export async function ask(method, path, body) {
  const response = await granted(method, path, body);
  return response.status === 204 ? null : response.json().catch(() => ({}));
}

/** Returns what lies at a path as a file. */
export async function fetchFile(path) {
  return (await granted("GET", path)).blob();
}

async function granted(method, path, body) {
  const response = await send(method, path, body);
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) location.assign("/sign-in");
  throw new Problem(response.status, answer.code ?? "failed", answer.detail ?? response.statusText);
}

async function send(method, path, body) {
  const options = { method, headers: {}, signal: AbortSignal.timeout(DEADLINE_MS) };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, options);
  } catch {
    throw new Problem(0, "unreachable", t("problem_unreachable"));
  }
}

/** Returns the path of a device below /api. */
export function pathOf(device, ...rest) {
  return ["/api/devices", ...[device, ...rest].map(encodeURIComponent)].join("/");
}
