// A plot of one name over time: a line of means in a band from lowest to highest.

import { formatDate, formatTime, formatValue, h, t } from "../lib/page.js";
import { boundsOf, summaryOf } from "../lib/plot-math.js";
import { drawPoints, labelsOf } from "./line-drawing.js";
import { pointer } from "./plot-pointer.js";
import "../lib/words-charts.js";

/** @import { Point } from "../lib/types.js" */

/**
 * Where values are on the canvas.
 * @typedef {object} Scale
 * @property {number} width of the canvas, in CSS pixels
 * @property {number} left where the plot begins, behind the labels
 * @property {number} low the value at the lower edge
 * @property {number} high the value at the upper edge
 * @property {number} fromS the time at the left edge
 * @property {number} toS the time at the right edge
 * @property {(timeS: number) => number} x
 * @property {(value: number) => number} y
 */

// All in CSS pixels.
const HEIGHT = 120;
const LEFT_MIN = 44;
// Of the width of the plot; wider labels are made shorter.
const LEFT_SHARE = 0.34;
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
  const reader = pointer(title, unit, { left: LEFT_MIN, right: RIGHT, height: HEIGHT - BOTTOM });
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
  return { element, set, draw: () => reader.place(draw(canvas, points, fromS, toS, unit)) };
}

/** @type {(points: Point[], unit?: string) => string} */
function summaryText(points, unit) {
  if (!points.length) return t("no_points");
  const { low, mean, high } = summaryOf(points);
  const parts = [`${t("lowest")} ${formatValue(low, unit)}`, `${t("mean")} ${formatValue(mean, unit)}`];
  return [...parts, `${t("highest")} ${formatValue(high, unit)}`].join(" · ");
}

/**
 * Draws everything; returns how far the plot begins from the left edge.
 * @type {(canvas: HTMLCanvasElement, points: Point[], fromS: number, toS: number, unit?: string) => number}
 */
function draw(canvas, points, fromS, toS, unit) {
  const width = canvas.clientWidth;
  const pen = canvas.getContext("2d");
  if (!width || !pen) return LEFT_MIN;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  pen.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const [low, high] = boundsOf(points);
  pen.font = `11px ${style.fontFamily}`;
  const labels = labelsOf(low, high, unit, (text) => pen.measureText(text).width <= width * LEFT_SHARE - MARGIN);
  const left = Math.max(LEFT_MIN, ...labels.map(({ text }) => Math.ceil(pen.measureText(text).width) + 2 * MARGIN));
  const x = (/** @type {number} */ timeS) => left + ((timeS - fromS) / (toS - fromS || 1)) * (width - left - RIGHT);
  const y = (/** @type {number} */ value) =>
    MARGIN + (1 - (value - low) / (high - low)) * (HEIGHT - BOTTOM - 2 * MARGIN);
  const scale = { width, left, low, high, fromS, toS, x, y };
  // The style sheet gives the colour of the axes as caret-color.
  pen.fillStyle = style.caretColor;
  drawValueAxis(pen, scale, labels);
  drawTimeAxis(pen, scale);
  pen.fillStyle = pen.strokeStyle = style.color;
  drawPoints(pen, points, x, y);
  return left;
}

/** @type {(pen: CanvasRenderingContext2D, scale: Scale, labels: {value: number, text: string}[]) => void} */
function drawValueAxis(pen, { width, left, y }, labels) {
  pen.textBaseline = "middle";
  pen.textAlign = "end";
  for (const { value, text } of labels) {
    pen.globalAlpha = 0.9;
    pen.fillText(text, left - MARGIN, y(value));
    pen.globalAlpha = 0.25;
    pen.fillRect(left, Math.round(y(value)), width - left, 1);
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
