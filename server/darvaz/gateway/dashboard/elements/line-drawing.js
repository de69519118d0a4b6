// Draws what charts and plots have in common: the labels of an axis, and a line of means in a band from lowest to highest.

import { digitsFor, segmentsOf, ticksOf } from "../lib/plot-math.js";
import { formatBytes, formatShort, formatTick } from "./page-parts.js";

/** @import { Point } from "../lib/types.js" */

/** @typedef {{value: number, text: string}} AxisLabel */
/** @typedef {(value: number) => number} Place returns where a time or value is, in CSS pixels */

const DOT = 4;

/**
 * Returns the values that an axis names, each at its own place: round numbers.
 * @type {(low: number, high: number, unit: string | undefined, isShort: (text: string) => boolean) => AxisLabel[]}
 */
export function labelsOf(low, high, unit, isShort) {
  const ticks = unit === "B" ? ticksOf(low, high, 1024) : ticksOf(low, high);
  const step = (ticks[1] ?? high) - ticks[0];
  const textOf = (/** @type {number} */ value) =>
    unit === "B" ? formatBytes(value, digitsFor(step / 1024)) : formatTick(value, step);
  const whole = ticks.map((value) => ({ value, text: textOf(value) }));
  const areShort = whole.every(({ text }) => isShort(text));
  return areShort ? whole : ticks.map((value) => ({ value, text: formatShort(value) }));
}

/**
 * Draws points as lines, with a gap where there is one in time.
 * @type {(pen: CanvasRenderingContext2D, points: Point[], x: Place, y: Place, hasBand?: boolean) => void}
 */
export function drawPoints(pen, points, x, y, hasBand = true) {
  pen.lineWidth = 1.75;
  pen.lineJoin = "round";
  for (const segment of segmentsOf(points)) {
    if (hasBand) fillBand(pen, segment, x, y);
    pen.globalAlpha = 1;
    trace(pen, segment, x, y);
    const [[timeS, mean]] = segment;
    if (segment.length === 1) pen.fillRect(x(timeS) - DOT / 2, y(mean) - DOT / 2, DOT, DOT);
  }
}

/** @type {(pen: CanvasRenderingContext2D, segment: Point[], x: Place, y: Place) => void} */
export function trace(pen, segment, x, y) {
  pen.beginPath();
  for (const [timeS, mean] of segment) pen.lineTo(x(timeS), y(mean));
  pen.stroke();
}

/** @type {(pen: CanvasRenderingContext2D, segment: Point[], x: Place, y: Place) => void} */
function fillBand(pen, segment, x, y) {
  pen.globalAlpha = 0.17;
  pen.beginPath();
  for (const [timeS, , low] of segment) pen.lineTo(x(timeS), y(low));
  for (const [timeS, , , high] of segment.toReversed()) pen.lineTo(x(timeS), y(high));
  pen.fill();
}
