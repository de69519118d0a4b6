// The last hour of one value in a line without axes.

import { drawn, h, nowS, orderOf, pathOf, request } from "../lib/page.js";

/** @import { Device, Point } from "../lib/types.js" */

const SPAN_S = 3_600;
const POINTS = 48;
const LEAST_S = 60;
const WIDTH = 100;
const HEIGHT = 22;
// Of all cards, so that a list of many boards does not ask for all at once.
const AT_ONCE_MAX = 2;
const KEPT_S = 300;
const KEPT_MAX = 500;

/** @type {Map<string, {atS: number, points: Point[]}>} by path, what was loaded lately */
const kept = new Map();
/** @type {(() => Promise<void>)[]} */
const waiting = [];
let running = 0;

/** @param {() => Promise<void>} job */
function enqueue(job) {
  waiting.push(job);
  next();
}

async function next() {
  if (running >= AT_ONCE_MAX) return;
  const job = waiting.shift();
  if (!job) return;
  running += 1;
  await job().catch(() => {});
  running -= 1;
  next();
}

/**
 * Returns the line of a device's first number, and how to draw it again with the newest reading.
 * @param {Device} device
 */
export function sparkline({ id }) {
  const path = drawn("path", {});
  const attributes = {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "spark",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  };
  const svg = drawn("svg", attributes, path);
  const element = h("div", { class: "spark-box", hidden: true }, svg);
  let name = "";
  /** @type {Point[]} */
  let points = [];
  const load = async () => {
    // Scrolled out of view meanwhile.
    if (!element.isConnected) return;
    points = [...(await historyOf(id, name)), ...points];
    paint();
  };
  const paint = () => {
    const d = lineOf(points, nowS());
    element.hidden = !d;
    path.setAttribute("d", d);
  };
  const draw = (/** @type {Device} */ { values, words }) => {
    const numbers = Object.keys(values).filter((key) => typeof values[key].value === "number");
    const first = numbers.sort(orderOf(words?.telemetry))[0];
    if (!first) return;
    if (first !== name) {
      name = first;
      points = [];
      enqueue(load);
    }
    const { value, time } = values[first];
    const isNew = time > (points.at(-1)?.[0] ?? 0);
    if (isNew) points.push([time, Number(value), Number(value), Number(value), 1]);
    if (isNew) paint();
  };
  return { element, draw };
}

/** @type {(id: string, name: string) => Promise<Point[]>} */
async function historyOf(id, name) {
  const path = `${pathOf(id, "telemetry", name)}?from=-${SPAN_S}&points=${POINTS}`;
  const known = kept.get(path);
  if (known && nowS() - known.atS < KEPT_S) return known.points;
  const { points } = await request("GET", path);
  if (kept.size >= KEPT_MAX) kept.clear();
  kept.set(path, { atS: nowS(), points });
  return points;
}

/** @type {(points: Point[], toS: number) => string} */
function lineOf(points, toS) {
  const shown = points.filter(([timeS]) => timeS >= toS - SPAN_S);
  const fromS = shown[0]?.[0] ?? toS;
  // Of a new board, some seconds would look like a step.
  if (shown.length < 3 || toS - fromS < LEAST_S) return "";
  const values = shown.map((point) => point[1]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (/** @type {number} */ timeS) => ((timeS - fromS) / (toS - fromS)) * WIDTH;
  const y = (/** @type {number} */ value) => HEIGHT - 2 - ((value - low) / (high - low || 1)) * (HEIGHT - 4);
  return shown.map(([timeS, value], at) => `${at ? "L" : "M"}${x(timeS).toFixed(1)} ${y(value).toFixed(1)}`).join("");
}
