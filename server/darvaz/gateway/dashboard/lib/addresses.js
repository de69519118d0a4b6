// What to type on another computer or board so that it finds this gateway.

const DEFAULT_PORT = "3000";
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** @typedef {Pick<Location, "protocol" | "hostname" | "port" | "origin" | "pathname">} Address */

/**
 * Whether a page was opened on the gateway's own machine.
 * @param {Address} page
 */
export function isLoopback({ hostname }) {
  return LOOPBACK.includes(hostname);
}

/**
 * Returns the address of the gateway that a page of it shows, without a slash at its end: a proxy may show the gateway
 * below a path.
 * @param {Address} page
 */
export function baseOf({ origin, pathname }) {
  return origin + pathname.slice(0, pathname.lastIndexOf("/"));
}

/**
 * Returns an address as boards and viewers use it.
 * @param {string} address of http or https
 */
export function webSocketAddress(address) {
  return address.replace(/^http/, "ws");
}

/**
 * Returns the address of the gateway for other computers: the one of the page works for its reader, but a loopback
 * address works for nobody else.
 * @param {Address} page
 * @param {string | null} known the address that the gateway has for itself
 * @param {boolean} isPublic whether its operator has set that address
 */
export function addressFor(page, known, isPublic) {
  return known && (isPublic || isLoopback(page)) ? known : baseOf(page);
}

/**
 * Returns the command that flashes a board. `make flash` expects the gateway on its own machine, at the default port.
 * @param {Address} page
 */
export function flashCommand(page) {
  const isDefault = isLoopback(page) && page.port === DEFAULT_PORT;
  return isDefault ? "make flash" : `DARVAZ_GATEWAY=${baseOf(page)} make flash`;
}

/**
 * Returns the WebSocket address for boards. A board cannot use a loopback address: then it is the one at which the
 * network finds the gateway, or a placeholder with `isComplete` false.
 * @param {Address} page
 * @param {string | null} known the address that the gateway has for itself
 * @param {boolean} isPublic whether its operator has set that address
 */
export function boardAddress(page, known, isPublic) {
  const url = new URL(addressFor(page, known, isPublic));
  const isComplete = !isLoopback(url);
  const host = isComplete ? url.host : `YOUR-ADDRESS${url.port && `:${url.port}`}`;
  const path = url.pathname === "/" ? "" : url.pathname;
  return { address: webSocketAddress(`${url.protocol}//${host}${path}`), isComplete };
}
