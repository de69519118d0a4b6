// A plot of one name over time: a line of means in a band from lowest to highest.

import { h } from "../lib/dom.js";
import { formatBytes, formatDate, formatNumber, formatTime, formatValue } from "../lib/format.js";
import { boundsOf, digitsFor, segmentsOf, summaryOf } from "../lib/plot-math.js";
import { t } from "../lib/words.js";
import { pointer } from "./plot-pointer.js";

/** @import { Point } from "../lib/types.js" */

/**
 * Where values are on the canvas.
 * @typedef {object} Scale
 * @property {number} width of the canvas, in CSS pixels
 * @property {number} low the value at the lower edge
 * @property {number} high the value at the upper edge
 * @property {number} fromS the time at the left edge
 * @property {number} toS the time at the right edge
 * @property {(timeS: number) => number} x
 * @property {(value: number) => number} y
 */

// All in CSS pixels.
const HEIGHT = 120;
const LEFT = 60;
const RIGHT = 4;
const BOTTOM = 20;
const MARGIN = 6;
const DAY_S = 86_400;

/**
 * Returns the plot of a name: its element, how to give it points of a time, and how to draw it.
 * @param {string} title
 * @param {string} [unit]
 */
export function plot(title, unit) {
  const label = t("plot_of", title);
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const summary = h("p", { class: "quiet summary", dir: document.documentElement.dir });
  const reader = pointer(title, unit, { left: LEFT, right: RIGHT, height: HEIGHT - BOTTOM });
  const element = h("div", { class: "plot", dir: "ltr" }, canvas, reader.element, summary);
  /** @type {Point[]} */
  let points = [];
  let [fromS, toS] = [0, 1];
  const set = (/** @type {Point[]} */ all, /** @type {number} */ from, /** @type {number} */ to) => {
    points = all.filter(([timeS]) => timeS >= from);
    [fromS, toS] = [from, to];
    summary.textContent = summaryText(points, unit);
    canvas.setAttribute("aria-label", `${label}. ${summary.textContent}`);
    canvas.hidden = !points.length;
    reader.set(points, from, to);
  };
  return { element, set, draw: () => draw(canvas, points, fromS, toS, unit) };
}

/** @type {(points: Point[], unit?: string) => string} */
function summaryText(points, unit) {
  if (!points.length) return t("no_points");
  const { low, mean, high } = summaryOf(points);
  const parts = [`${t("lowest")} ${formatValue(low, unit)}`, `${t("mean")} ${formatValue(mean, unit)}`];
  return [...parts, `${t("highest")} ${formatValue(high, unit)}`].join(" · ");
}

/** @type {(canvas: HTMLCanvasElement, points: Point[], fromS: number, toS: number, unit?: string) => void} */
function draw(canvas, points, fromS, toS, unit) {
  const width = canvas.clientWidth;
  const pen = canvas.getContext("2d");
  if (!width || !pen) return;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  pen.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const [low, high] = boundsOf(points);
  const x = (/** @type {number} */ timeS) => LEFT + ((timeS - fromS) / (toS - fromS || 1)) * (width - LEFT - RIGHT);
  const y = (/** @type {number} */ value) =>
    MARGIN + (1 - (value - low) / (high - low)) * (HEIGHT - BOTTOM - 2 * MARGIN);
  const scale = { width, low, high, fromS, toS, x, y };
  pen.font = `11px ${style.fontFamily}`;
  // The style sheet gives the colour of the axes as caret-color.
  pen.fillStyle = style.caretColor;
  drawValueAxis(pen, scale, unit);
  drawTimeAxis(pen, scale);
  pen.fillStyle = pen.strokeStyle = style.color;
  for (const segment of points.length ? segmentsOf(points) : []) drawSegment(pen, segment, scale);
}

/** @type {(pen: CanvasRenderingContext2D, scale: Scale, unit?: string) => void} */
function drawValueAxis(pen, { width, low, high, y }, unit) {
  pen.textBaseline = "middle";
  pen.textAlign = "end";
  for (const share of [0.1, 0.5, 0.9]) {
    const value = low + (high - low) * share;
    const label =
      unit === "B" ? formatBytes(value, digitsFor((high - low) / 1024)) : formatNumber(value, digitsFor(high - low));
    pen.globalAlpha = 0.9;
    pen.fillText(label, LEFT - MARGIN, y(value));
    pen.globalAlpha = 0.25;
    pen.fillRect(LEFT, Math.round(y(value)), width - LEFT, 1);
  }
}

/** @type {(pen: CanvasRenderingContext2D, scale: Scale) => void} */
function drawTimeAxis(pen, { fromS, toS, x }) {
  pen.globalAlpha = 0.9;
  pen.textBaseline = "alphabetic";
  /** @type {[share: number, align: CanvasTextAlign][]} */
  const labels = [
    [0, "start"],
    [0.5, "center"],
    [1, "end"],
  ];
  for (const [share, align] of labels) {
    const timeS = fromS + (toS - fromS) * share;
    pen.textAlign = align;
    pen.fillText(toS - fromS > DAY_S ? formatDate(timeS) : formatTime(timeS).slice(0, 5), x(timeS), HEIGHT - 4);
  }
}

/** @type {(pen: CanvasRenderingContext2D, segment: Point[], scale: Scale) => void} */
function drawSegment(pen, segment, { x, y }) {
  pen.lineWidth = 1.75;
  pen.lineJoin = "round";
  pen.globalAlpha = 0.18;
  pen.beginPath();
  for (const [timeS, , low] of segment) pen.lineTo(x(timeS), y(low));
  for (const [timeS, , , high] of segment.toReversed()) pen.lineTo(x(timeS), y(high));
  pen.fill();
  pen.globalAlpha = 1;
  pen.beginPath();
  for (const [timeS, mean] of segment) pen.lineTo(x(timeS), y(mean));
  pen.stroke();
  if (segment.length === 1) pen.fillRect(x(segment[0][0]) - 1.5, y(segment[0][1]) - 1.5, 3, 3);
}
