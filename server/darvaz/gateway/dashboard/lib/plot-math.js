// The numbers behind a plot: bounds, gaps, the nearest point, and the join of history and newer readings.

/** @import { Point, Series, Value } from "./types.js" */

// A pause longer than this many usual steps is a gap in the line.
const GAP_STEPS = 6;
const MARGIN = 0.1;
const DIGITS_MAX = 4;
const ROUND = [1, 2, 2.5, 5, 10];
// The history keeps times in whole milliseconds.
const HISTORY_STEP_S = 0.001;

/**
 * Puts a point or a state among others where its time is: what waited on a board comes late.
 * @template {[timeS: number, ...any[]]} T
 * @param {T[]} entries
 * @param {T} entry
 */
export function addInOrder(entries, entry) {
  let at = entries.length;
  while (at > 0 && entries[at - 1][0] > entry[0]) at -= 1;
  entries.splice(at, 0, entry);
}

/**
 * Returns the lowest, the mean and the highest value.
 * @param {Point[]} points at least one
 */
export function summaryOf(points) {
  const mean = points.reduce((sum, point) => sum + point[1], 0) / points.length;
  return {
    low: Math.min(...points.map((point) => point[2])),
    mean,
    high: Math.max(...points.map((point) => point[3])),
  };
}

/**
 * Returns the values at the lower and the upper edge of a plot.
 * @param {Point[]} points
 * @returns {[low: number, high: number]}
 */
export function boundsOf(points) {
  if (!points.length) return [0, 1];
  const { low, high } = summaryOf(points);
  const margin = (high - low || Math.abs(high) || 1) * MARGIN;
  return [low - margin, high + margin];
}

/**
 * Returns how many digits after the point make the labels of a range differ.
 * @param {number} range
 */
export function digitsFor(range) {
  return Math.max(0, Math.min(DIGITS_MAX, 1 - Math.floor(Math.log10(range))));
}

/**
 * Returns two to five round values between two bounds, the same distance apart.
 * @param {number} low
 * @param {number} high
 * @param {number} [base] the values are round in multiples of it
 */
export function ticksOf(low, high, base = 1) {
  const rough = (high - low) / base / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (ROUND.find((round) => round * power >= rough) ?? 10) * power * base;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: Math.max(1, count) }, (_, at) => (first + at) * step);
}

/**
 * Divides points where there is a gap in time.
 * @param {Point[]} points
 */
export function segmentsOf(points) {
  const steps = points.slice(1).map((point, at) => point[0] - points[at][0]);
  const median = [...steps].sort((a, b) => a - b)[steps.length >> 1] ?? 0;
  const segments = points.slice(0, 1).map((point) => [point]);
  steps.forEach((step, at) => {
    if (step > median * GAP_STEPS) segments.push([]);
    segments[segments.length - 1].push(points[at + 1]);
  });
  return segments;
}

/**
 * Returns the index of the point that is nearest in time.
 * @param {Point[]} points
 * @param {number} timeS
 */
export function nearestTo(points, timeS) {
  let nearest = 0;
  points.forEach((point, at) => {
    if (Math.abs(point[0] - timeS) < Math.abs(points[nearest][0] - timeS)) nearest = at;
  });
  return nearest;
}

/**
 * Returns the point of a single reading.
 * @param {number} timeS
 * @param {Value} value
 * @returns {Point}
 */
export function pointOf(timeS, value) {
  const number = Number(value);
  return [timeS, number, number, number, 1];
}

/**
 * Returns the points of the history, then those readings that the history does not have yet.
 * @param {Series} history
 * @param {Point[]} shown the points that the plot has
 * @param {{time: number, value: Value | null}} newest
 */
export function joinNewer({ points, from }, shown, { time, value }) {
  const lastS = (points.at(-1)?.[0] ?? from) + HISTORY_STEP_S;
  const newer = shown.filter(([timeS]) => timeS > lastS);
  const hasNewest = time <= (newer.at(-1)?.[0] ?? lastS);
  return hasNewest || value === null ? [...points, ...newer] : [...points, ...newer, pointOf(time, value)];
}
