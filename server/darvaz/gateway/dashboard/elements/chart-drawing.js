// Draws a chart: a panel of lines for each unit, a bar for each text or truth value, and a lane of events for each board.

import { minorTicksOf, timeTicksOf } from "../lib/chart-math.js";
import { formatDate, formatTime, language, t, visible } from "../lib/page.js";
import { boundsOf, segmentsOf } from "../lib/plot-math.js";
import { drawPoints, labelsOf, trace } from "./line-drawing.js";

/** @import { Point, Value } from "../lib/types.js" */
/** @import { Span } from "../lib/chart-math.js" */
/** @import { Happened, MarkKind } from "../lib/chart-data.js" */

/** @typedef {{title: string, unit: string, at: number, points: Point[], before: Point[]}} Line `before`: moved to this time */
/** @typedef {{title: string, spans: Span[], textOf: (value: Value) => string}} Bar */
/** @typedef {Happened & {title: string}} Lane */
/** @typedef {{fromS: number, toS: number, lines: Line[], bars: Bar[], lanes: Lane[], cursorS: number | null, chosen: [number, number] | null}} ChartModel */
/** @typedef {{ink: string, quiet: string, line: string, card: string, bad: string, warn: string, font: string, isDark: boolean}} Look */
/** @typedef {{left: number, right: number, width: number, height: number}} Area where the time is, in CSS pixels */
/** @typedef {{pen: CanvasRenderingContext2D, look: Look, area: Area, model: ChartModel, x: (timeS: number) => number}} Drawing */

const TOP = 8;
const RIGHT = 12;
const LEFT_MIN = 40;
const LEFT_SHARE = 0.3;
const AXIS = 26;
const GAP = 18;
const ROW = 38;
const BAR = 18;
const LABEL = 14;
/** Heights of a panel, by how many there are. */
const PANELS = [0, 300, 200, 160];
const TICK_WIDTH = 90;
const HOUR_S = 3_600;
// With more lines, their bands would hide one another.
const BANDS_MAX = 3;
const DAY_S = 86_400;
const MONTH_S = 28 * DAY_S;
// Told apart also by people who see few colours; after ten come the same ones, dashed.
const LIGHT = [
  "#0b6e99",
  "#c2410c",
  "#1d6f42",
  "#7c3aed",
  "#a3231c",
  "#8a6500",
  "#2f4bc0",
  "#be185d",
  "#4d7c0f",
  "#57534e",
];
const DARK = [
  "#6cc5e8",
  "#f59e5b",
  "#7fd3a2",
  "#b79cff",
  "#ff9d94",
  "#e3c04b",
  "#92a7ff",
  "#f58fc0",
  "#b2d66a",
  "#c4bfba",
];
/** @type {Record<MarkKind, string>} */
const SIGNS = { command: "▲", release: "◆", alert: "●", crash: "✖" };

/** @type {(at: number, isDark: boolean) => string} */
export const colourOf = (at, isDark) => (isDark ? DARK : LIGHT)[at % LIGHT.length];

/** @param {number} at */
export const isDashed = (at) => Math.floor(at / LIGHT.length) % 2 === 1;

/**
 * Returns how much space a chart needs.
 * @param {ChartModel} model
 */
export function heightOf({ lines, bars, lanes }) {
  const panels = unitsOf(lines).length;
  return TOP + panels * (panelHeight(panels) + GAP) + (bars.length + lanes.length) * ROW + AXIS;
}

/**
 * Draws a chart into an area that begins at the origin of the pen.
 * @type {(pen: CanvasRenderingContext2D, model: ChartModel, width: number, look: Look) => Area}
 */
export function drawChart(pen, model, width, look) {
  pen.font = `12px ${look.font}`;
  const panels = panelsOf(pen, model, width);
  const left = Math.max(
    LEFT_MIN,
    ...panels.flatMap(({ labels }) => labels.map(({ text }) => Math.ceil(pen.measureText(text).width) + 10)),
  );
  const area = { left, right: RIGHT, width, height: heightOf(model) };
  const x = (/** @type {number} */ timeS) =>
    left + ((timeS - model.fromS) / (model.toS - model.fromS || 1)) * (width - left - RIGHT);
  const drawing = { pen, look, area, model, x };
  drawTimes(drawing);
  let top = TOP;
  for (const panel of panels) {
    drawPanel(drawing, panel, top);
    top += panelHeight(panels.length) + GAP;
  }
  for (const bar of model.bars) top = drawBar(drawing, bar, top);
  for (const lane of model.lanes) top = drawLane(drawing, lane, top);
  drawCursor(drawing);
  return area;
}

/** @param {Line[]} lines */
const unitsOf = (lines) => [...new Set(lines.map(({ unit }) => unit))];

/** @param {number} count */
const panelHeight = (count) => PANELS[Math.min(count, PANELS.length - 1)];

/** @typedef {{unit: string, lines: Line[], low: number, high: number, labels: {value: number, text: string}[]}} Panel */

/** @type {(pen: CanvasRenderingContext2D, model: ChartModel, width: number) => Panel[]} */
function panelsOf(pen, { lines }, width) {
  return unitsOf(lines).map((unit) => {
    const own = lines.filter((line) => line.unit === unit);
    const [low, high] = boundsOf(own.flatMap(({ points, before }) => [...points, ...before]));
    const isShort = (/** @type {string} */ text) => pen.measureText(text).width <= width * LEFT_SHARE;
    return { unit, lines: own, low, high, labels: labelsOf(low, high, unit, isShort) };
  });
}

/** @param {Drawing} drawing */
function drawTimes({ pen, look, area, model, x }) {
  const { times, stepS } = timeTicksOf(model.fromS, model.toS, (area.width - area.left) / TICK_WIDTH);
  pen.textBaseline = "alphabetic";
  pen.textAlign = "center";
  let day = "";
  for (const timeS of times) {
    pen.strokeStyle = look.line;
    pen.lineWidth = 1;
    stroke(pen, [x(timeS), TOP], [x(timeS), area.height - AXIS + 4]);
    const date = formatDate(timeS);
    const text = tickText(timeS, stepS, date !== day && day !== "");
    day = date;
    pen.fillStyle = look.quiet;
    const half = pen.measureText(text).width / 2;
    pen.fillText(text, Math.min(area.width - half - 1, Math.max(half + 1, x(timeS))), area.height - 8);
  }
}

/** @type {(timeS: number, stepS: number, isNewDay: boolean) => string} */
function tickText(timeS, stepS, isNewDay) {
  if (stepS >= MONTH_S) return monthText(timeS);
  if (stepS >= DAY_S || isNewDay) return formatDate(timeS);
  return stepS < 60 ? formatTime(timeS) : formatTime(timeS).slice(0, 5);
}

/** @param {number} timeS */
function monthText(timeS) {
  const locale = language() === "fa" ? "fa-IR-u-ca-persian" : "en-GB";
  return new Intl.DateTimeFormat(locale, { month: "short", year: "numeric" }).format(new Date(timeS * 1000));
}

/** @type {(drawing: Drawing, panel: Panel, top: number) => void} */
function drawPanel(drawing, { unit, lines, low, high, labels }, top) {
  const { pen, look, area, model } = drawing;
  const height = panelHeight(unitsOf(model.lines).length);
  const y = (/** @type {number} */ value) => top + LABEL + (1 - (value - low) / (high - low)) * (height - LABEL);
  pen.textBaseline = "middle";
  pen.textAlign = "end";
  for (const { value, text } of labels) {
    pen.strokeStyle = look.line;
    stroke(pen, [area.left, y(value)], [area.width - RIGHT, y(value)]);
    pen.fillStyle = look.quiet;
    pen.fillText(text, area.left - 7, y(value));
  }
  pen.strokeStyle = look.quiet;
  for (const value of minorTicksOf(
    labels.map((label) => label.value),
    low,
    high,
  )) {
    stroke(pen, [area.left - 3, y(value)], [area.left, y(value)]);
  }
  pen.textAlign = "start";
  pen.fillStyle = look.quiet;
  if (unit) pen.fillText(visible(unit === "B" ? "" : unit), 2, top + 4);
  pen.save();
  pen.beginPath();
  pen.rect(area.left, top, area.width - area.left - RIGHT, height + 2);
  pen.clip();
  for (const line of lines) drawLine(drawing, line, y);
  pen.restore();
}

/** @type {(drawing: Drawing, line: Line, y: (value: number) => number) => void} */
function drawLine({ pen, look, model, x }, { at, points, before }, y) {
  pen.strokeStyle = pen.fillStyle = colourOf(at, look.isDark);
  pen.lineJoin = "round";
  pen.lineWidth = 1.25;
  pen.globalAlpha = 0.55;
  pen.setLineDash([2, 3]);
  for (const segment of segmentsOf(before)) trace(pen, segment, x, y);
  pen.setLineDash(isDashed(at) ? [7, 4] : []);
  drawPoints(pen, points, x, y, model.lines.length <= BANDS_MAX);
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

/** @type {(drawing: Drawing, title: string, top: number) => void} */
function drawTitle({ pen, look, area }, title, top) {
  pen.fillStyle = look.quiet;
  pen.textAlign = "start";
  pen.textBaseline = "middle";
  pen.fillText(visible(title), area.left, top + LABEL / 2, area.width - area.left - RIGHT);
}

/** @type {(drawing: Drawing, bar: Bar, top: number) => number} */
function drawBar(drawing, { title, spans, textOf }, top) {
  const { pen, look, x } = drawing;
  drawTitle(drawing, title, top);
  const values = [...new Set(spans.map(({ value }) => value))];
  for (const { fromS, toS, value } of spans) {
    const [from, to] = [x(fromS), x(toS)];
    const colour =
      value === false ? look.line : colourOf(values.filter((each) => each !== false).indexOf(value), look.isDark);
    pen.fillStyle = colour;
    pen.fillRect(from, top + LABEL + 1, Math.max(1, to - from - 1), BAR);
    const text = textOf(value);
    if (pen.measureText(text).width > to - from - 8) continue;
    pen.fillStyle = value === false ? look.ink : look.card;
    pen.textAlign = "center";
    pen.fillText(text, (from + to) / 2, top + LABEL + 1 + BAR / 2);
  }
  return top + ROW;
}

/** @type {(drawing: Drawing, lane: Lane, top: number) => number} */
function drawLane(drawing, { title, offline, marks }, top) {
  const { pen, look, area, x } = drawing;
  drawTitle(drawing, title, top);
  const middle = top + LABEL + 1 + BAR / 2;
  pen.strokeStyle = look.line;
  stroke(pen, [area.left, middle], [area.width - RIGHT, middle]);
  pen.save();
  pen.beginPath();
  pen.rect(area.left - 6, top, area.width - area.left - RIGHT + 12, ROW);
  pen.clip();
  for (const [fromS, toS] of offline) {
    pen.fillStyle = look.bad;
    pen.globalAlpha = 0.35;
    pen.fillRect(x(fromS), top + LABEL + 4, Math.max(2, x(toS) - x(fromS)), BAR - 6);
    pen.globalAlpha = 1;
    const text = t("mark_offline");
    pen.textAlign = "center";
    if (pen.measureText(text).width < x(toS) - x(fromS) - 8) {
      pen.fillStyle = look.ink;
      pen.fillText(text, (Math.max(area.left, x(fromS)) + x(toS)) / 2, middle);
    }
  }
  pen.textAlign = "center";
  for (const { kind, timeS, toS } of marks) {
    pen.strokeStyle = pen.fillStyle = kind === "alert" ? look.warn : kind === "crash" ? look.bad : look.ink;
    pen.lineWidth = 3;
    if (toS > timeS) stroke(pen, [x(timeS), middle], [x(toS), middle]);
    pen.lineWidth = 1;
    pen.fillText(SIGNS[kind], x(timeS), middle);
  }
  pen.restore();
  return top + ROW;
}

/** @param {Drawing} drawing */
function drawCursor({ pen, look, area, model, x }) {
  const bottom = area.height - AXIS + 4;
  if (model.chosen) {
    const [from, to] = model.chosen.map(x).sort((a, b) => a - b);
    pen.fillStyle = look.ink;
    pen.globalAlpha = 0.12;
    pen.fillRect(from, TOP, to - from, bottom - TOP);
    pen.globalAlpha = 1;
  }
  if (model.cursorS === null || model.cursorS < model.fromS || model.cursorS > model.toS) return;
  const at = x(model.cursorS);
  pen.strokeStyle = look.ink;
  stroke(pen, [at, TOP], [at, bottom]);
  const text =
    model.toS - model.fromS > HOUR_S * 20
      ? `${formatDate(model.cursorS)} ${formatTime(model.cursorS).slice(0, 5)}`
      : formatTime(model.cursorS);
  const width = pen.measureText(text).width + 10;
  const left = Math.min(area.width - width, Math.max(0, at - width / 2));
  pen.fillStyle = look.ink;
  pen.fillRect(left, area.height - AXIS + 4, width, 18);
  pen.fillStyle = look.card;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, left + width / 2, area.height - AXIS + 13);
}

/** @type {(pen: CanvasRenderingContext2D, from: [number, number], to: [number, number]) => void} */
function stroke(pen, from, to) {
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
}
