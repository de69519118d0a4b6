// The gateway's clock: what is told of boards is in its time, whatever the clock of this computer says.

/** Seconds that the gateway's clock is ahead of this computer's. */
let aheadS = 0;
// The `Date` of an answer has whole seconds, and is as old as its way.
const COARSE_S = 5;

/** Returns the time at the gateway, in Unix seconds. */
export const nowS = () => Date.now() / 1000 + aheadS;

/**
 * Takes the time at the gateway from its stream of events.
 * @param {number} unixS
 */
export function setClock(unixS) {
  aheadS = unixS - Date.now() / 1000;
}

/**
 * Takes the time at the gateway from the head of an answer, where it differs by more than that can tell.
 * @param {string | null} date of HTTP
 */
export function setClockFrom(date) {
  const unixS = Date.parse(date ?? "") / 1000;
  if (Math.abs(unixS - nowS()) > COARSE_S) setClock(unixS);
}
