// Which tokens the access page shows, and in which order.

/** @import { Token } from "./types.js" */

const DAY_S = 86_400;

/**
 * Whether a token is live, or was made within a day.
 * @param {Token} token
 * @param {number} unixS now
 */
export function isRecent({ state, created }, unixS) {
  return state === "live" || unixS - created < DAY_S;
}

/**
 * Compares tokens: live ones first, then those used last; an unused one counts as used when it was made.
 * @param {Token} a
 * @param {Token} b
 */
export function byUse(a, b) {
  const isLive = (/** @type {Token} */ { state }) => Number(state === "live");
  const usedS = (/** @type {Token} */ { last_used, created }) => last_used ?? created;
  return isLive(b) - isLive(a) || usedS(b) - usedS(a);
}
