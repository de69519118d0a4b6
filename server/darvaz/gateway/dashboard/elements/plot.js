// A plot of one value over time: a line of means in a band from lowest to highest.

import { h } from "../lib/dom.js";
import { bytes, clock, day, measured, number } from "../lib/format.js";
import { pointer } from "./plot-pointer.js";
import { t } from "../lib/words.js";

const HEIGHT = 120;
const LEFT = 60;
const RIGHT = 4;
const BOTTOM = 20;
const DAY_S = 86_400;
// A pause longer than so many usual steps is a gap in the line.
const GAP_STEPS = 6;

/** Returns a plot of what is called so: its element, `set(points, from_s, to_s)` and `draw()`. */
export function plot(name, unit) {
  const title = t("plot_of", name);
  const canvas = h("canvas", { role: "img", "aria-label": title });
  const summary = h("p", { class: "quiet summary", dir: document.documentElement.dir });
  const reader = pointer(name, unit, { left: LEFT, right: RIGHT, height: HEIGHT - BOTTOM });
  const element = h("div", { class: "plot", dir: "ltr" }, canvas, reader.element, summary);
  let points = [], fromS = 0, toS = 1;
  const set = (found, from, to) => {
    points = found.filter(([timeS]) => timeS >= from);
    [fromS, toS] = [from, to];
    summary.textContent = summarise(points, unit);
    canvas.setAttribute("aria-label", `${title}. ${summary.textContent}`);
    canvas.hidden = !points.length;
    reader.set(points, from, to);
  };
  return { element, set, draw: () => draw(canvas, points, fromS, toS, unit) };
}

function summarise(points, unit) {
  if (!points.length) return t("no_points");
  const low = Math.min(...points.map((point) => point[2])), high = Math.max(...points.map((point) => point[3]));
  const mean = points.reduce((sum, point) => sum + point[1], 0) / points.length;
  return [["lowest", low], ["mean", mean], ["highest", high]].map(([word, value]) => `${t(word)} ${measured(value, unit)}`).join(" · ");
}

function draw(canvas, points, fromS, toS, unit) {
  const scale = window.devicePixelRatio || 1, width = canvas.clientWidth;
  if (!width) return;
  canvas.width = width * scale;
  canvas.height = HEIGHT * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const [low, high] = bounds(points);
  const x = (timeS) => LEFT + ((timeS - fromS) / (toS - fromS || 1)) * (width - LEFT - RIGHT);
  const y = (value) => 6 + (1 - (value - low) / (high - low)) * (HEIGHT - BOTTOM - 12);
  axes(pen, style, { width, low, high, x, y, fromS, toS, unit });
  if (points.length) line(pen, style.color, points, x, y);
}

function bounds(points) {
  if (!points.length) return [0, 1];
  const low = Math.min(...points.map((point) => point[2])), high = Math.max(...points.map((point) => point[3]));
  const room = (high - low || Math.abs(high) || 1) * 0.1;
  return [low - room, high + room];
}

function axes(pen, style, { width, low, high, x, y, fromS, toS, unit }) {
  pen.fillStyle = pen.strokeStyle = style.caretColor;
  pen.font = `11px ${style.fontFamily}`;
  pen.globalAlpha = 0.9;
  pen.textBaseline = "middle";
  pen.textAlign = "end";
  // So many digits that no two lines are called the same.
  const digits = (range) => Math.max(0, Math.min(4, 1 - Math.floor(Math.log10(range))));
  for (const share of [0.1, 0.5, 0.9]) {
    const value = low + (high - low) * share;
    pen.fillText(unit === "B" ? bytes(value, digits((high - low) / 1024)) : number(value, digits(high - low)), LEFT - 6, y(value));
    pen.globalAlpha = 0.25;
    pen.fillRect(LEFT, Math.round(y(value)), width - LEFT, 1);
    pen.globalAlpha = 0.9;
  }
  const said = toS - fromS > DAY_S ? day : (timeS) => clock(timeS).slice(0, 5);
  pen.textBaseline = "alphabetic";
  for (const [share, align] of [[0, "start"], [0.5, "center"], [1, "end"]]) {
    pen.textAlign = align;
    const timeS = fromS + (toS - fromS) * share;
    pen.fillText(said(timeS), x(timeS), HEIGHT - 4);
  }
  pen.globalAlpha = 1;
}

function line(pen, colour, points, x, y) {
  pen.fillStyle = pen.strokeStyle = colour;
  pen.lineWidth = 1.75;
  pen.lineJoin = "round";
  for (const piece of pieces(points)) {
    pen.globalAlpha = 0.18;
    pen.beginPath();
    piece.forEach(([timeS, , low], at) => (at ? pen.lineTo(x(timeS), y(low)) : pen.moveTo(x(timeS), y(low))));
    piece.toReversed().forEach(([timeS, , , high]) => pen.lineTo(x(timeS), y(high)));
    pen.fill();
    pen.globalAlpha = 1;
    pen.beginPath();
    piece.forEach(([timeS, mean], at) => (at ? pen.lineTo(x(timeS), y(mean)) : pen.moveTo(x(timeS), y(mean))));
    pen.stroke();
    if (piece.length === 1) pen.fillRect(x(piece[0][0]) - 1.5, y(piece[0][1]) - 1.5, 3, 3);
  }
}

function pieces(points) {
  const steps = points.slice(1).map((point, at) => point[0] - points[at][0]).sort((a, b) => a - b);
  const longest = (steps[steps.length >> 1] ?? 0) * GAP_STEPS;
  const found = [[points[0]]];
  points.slice(1).forEach((point, at) => {
    if (point[0] - points[at][0] > longest) found.push([]);
    found.at(-1).push(point);
  });
  return found;
}
