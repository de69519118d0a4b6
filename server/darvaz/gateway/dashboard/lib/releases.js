// Which release is given to a board first: no network, no document.

/** @import { Release, Rollout } from "./types.js" */

/**
 * The release that a form offers for a board: the newest. Where the program of the board failed, the newest that was
 * good on some board, and is not the one that failed here.
 * @param {Release[]} releases the newest first
 * @param {Rollout[]} rollouts the newest first
 * @param {string} device
 * @param {{ state?: string; release?: string } | null | undefined} program what the board says of its program
 * @returns {number | undefined}
 */
export function suggestedOf(releases, rollouts, device, program) {
  if (program?.state !== "safe_mode" && program?.state !== "fell_back") return releases[0]?.number;
  const failed = new Set(program.state === "safe_mode" ? [Number(program.release)] : []);
  const good = new Set();
  for (const { release, counts, targets } of rollouts) {
    if (counts.good) good.add(release);
    if (targets.some((target) => target.device === device && target.state === "fell_back")) failed.add(release);
  }
  const others = releases.filter(({ number }) => !failed.has(number));
  return (others.find(({ number }) => good.has(number)) ?? others[0] ?? releases[0])?.number;
}
