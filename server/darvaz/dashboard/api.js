// Asks the gateway; what it refuses becomes an error with its word and its sentence.

export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

const DEADLINE_MS = 30_000;

/** Asks, and returns the answer's JSON (null if there is none); a visitor who is not signed in is led to sign in. */
export async function ask(method, path, body) {
  const response = await send(method, path, body);
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
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
    throw new Problem(0, "unreachable", "the gateway does not answer");
  }
}

/** Returns the path of a device below /api. */
export function pathOf(device, ...rest) {
  return ["/api/devices", ...[device, ...rest].map(encodeURIComponent)].join("/");
}
