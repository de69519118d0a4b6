// Reads single values off a plot: under the mouse or finger, or with the arrow keys.

import { announce, formatDate, formatTime, formatValue, h, t, visible } from "../lib/page.js";
import { nearestTo } from "../lib/plot-math.js";

/** @import { Point } from "../lib/types.js" */

const DAY_S = 86_400;
/** How many points each key moves.
 * @type {Record<string, number>} */
const STEPS = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -10,
  PageDown: 10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/**
 * Returns the layer over a plot, how to give it the points of a time, and how far from the left it begins.
 * @param {string} title of the plot
 * @param {string | undefined} unit
 * @param {{left: number, right: number, height: number}} area distances from the plot's sides, and height, in pixels
 */
export function pointer(title, unit, { left, right, height }) {
  const mark = h("span", { class: "mark", hidden: true });
  const label = h("span", { class: "reading", hidden: true, dir: document.documentElement.dir });
  const name = t("reading_of", visible(title));
  const element = h("div", { class: "pointer", role: "application", tabindex: 0, "aria-label": name }, mark, label);
  const place = (/** @type {number} */ fromLeft) =>
    Object.assign(element.style, { left: `${fromLeft}px`, right: `${right}px`, height: `${height}px` });
  place(left);
  /** @type {Point[]} */
  let points = [];
  let [fromS, toS] = [0, 1];
  /** @type {number | null} null: nothing is chosen */
  let chosenS = null;

  const show = (/** @type {number} */ at) => {
    const point = points[at];
    mark.hidden = label.hidden = chosenS === null || !point;
    if (!point) return;
    const share = (point[0] - fromS) / (toS - fromS || 1);
    mark.style.left = `${share * 100}%`;
    // The label is on the side of the line that has more space.
    const sides = share > 0.5 ? ["auto", `${(1 - share) * 100}%`] : [`${share * 100}%`, "auto"];
    [label.style.left, label.style.right] = sides;
    label.textContent = textOf(point, unit, toS - fromS > DAY_S);
  };
  const choose = (/** @type {number | null} */ timeS) => {
    chosenS = timeS;
    show(nearestTo(points, timeS ?? toS));
  };
  const onPointer = (/** @type {PointerEvent} */ event) => {
    const box = element.getBoundingClientRect();
    choose(fromS + ((event.clientX - box.left) / (box.width || 1)) * (toS - fromS));
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") choose(null);
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const at = nearestTo(points, chosenS ?? toS) + (chosenS === null ? 0 : STEPS[event.key]);
    choose(points[Math.min(points.length - 1, Math.max(0, at))][0]);
    announce(label.textContent ?? "");
  };
  const onFocus = () => {
    if (element.matches(":focus-visible") && points.length) choose(points[points.length - 1][0]);
  };
  element.addEventListener("pointermove", onPointer);
  element.addEventListener("pointerdown", onPointer);
  element.addEventListener("pointerleave", () => choose(null));
  element.addEventListener("focus", onFocus);
  element.addEventListener("blur", () => choose(null));
  element.addEventListener("keydown", onKey);

  const set = (/** @type {Point[]} */ shown, /** @type {number} */ from, /** @type {number} */ to) => {
    [points, fromS, toS] = [shown, from, to];
    element.hidden = !points.length;
    show(nearestTo(points, chosenS ?? toS));
  };
  return { element, set, place };
}

/** @type {(point: Point, unit: string | undefined, isLong: boolean) => string} */
function textOf([timeS, mean, low, high], unit, isLong) {
  const time = isLong ? `${formatDate(timeS)} ${formatTime(timeS).slice(0, 5)}` : formatTime(timeS);
  const band = low === high ? "" : ` (${formatValue(low, unit)} – ${formatValue(high, unit)})`;
  return `${time} · ${formatValue(mean, unit)}${band}`;
}
