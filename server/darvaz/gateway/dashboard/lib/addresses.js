// What to type on another computer or board so that it finds this gateway.

const DEFAULT_PORT = "3000";
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** @typedef {Pick<Location, "protocol" | "hostname" | "port" | "origin">} Address */

/**
 * Whether a page was opened on the gateway's own machine.
 * @param {Address} page
 */
export function isLoopback({ hostname }) {
  return LOOPBACK.includes(hostname);
}

/**
 * Returns the command that flashes a board. `make flash` expects the gateway on its own machine, at the default port.
 * @param {Address} page
 */
export function flashCommand(page) {
  const isDefault = isLoopback(page) && page.port === DEFAULT_PORT;
  return isDefault ? "make flash" : `DARVAZ_GATEWAY=${page.origin} make flash`;
}

/**
 * Returns the WebSocket address for boards. A board cannot use a loopback address: then it is the one at which the
 * network finds the gateway, or a placeholder with `isComplete` false.
 * @param {Address} page
 * @param {string | null} known the address that the gateway found for itself
 */
export function boardAddress(page, known) {
  const { protocol, hostname, port } = isLoopback(page) && known ? new URL(known) : page;
  const isComplete = !LOOPBACK.includes(hostname);
  const scheme = protocol === "https:" ? "wss" : "ws";
  return { address: `${scheme}://${isComplete ? hostname : "YOUR-ADDRESS"}${port && `:${port}`}`, isComplete };
}
