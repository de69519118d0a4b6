// Which kept frames of a camera show motion, by their places in the list.

/** @import { Span } from "./chart-math.js" */

/**
 * Returns the first and last frame of each time that has any; times without a frame are left out.
 * @param {number[]} timesMs the oldest first
 * @param {Span[]} spans
 * @returns {[first: number, last: number][]}
 */
export function framesWithin(timesMs, spans) {
  return spans.flatMap(({ fromS, toS }) => {
    const first = timesMs.findIndex((timeMs) => timeMs >= Math.round(fromS * 1000));
    const last = timesMs.findLastIndex((timeMs) => timeMs <= Math.round(toS * 1000));
    return first >= 0 && last >= first ? [/** @type {[number, number]} */ ([first, last])] : [];
  });
}

/**
 * Returns where the next time begins behind a frame; behind the last one, the first.
 * @param {[first: number, last: number][]} moves
 * @param {number} at
 */
export function nextStartOf(moves, at) {
  return (moves.find(([first]) => first > at) ?? moves[0])[0];
}
