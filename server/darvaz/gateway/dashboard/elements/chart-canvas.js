// The surface of a chart: drawn for its width and colours, zoomed, moved and read by mouse, fingers and keys.

import { h, t } from "../lib/page.js";
import { drawChart, heightOf } from "./chart-drawing.js";

/** @import { Area, ChartModel, Look } from "./chart-drawing.js" */

/** @typedef {{factor?: number, aroundS?: number, shiftS?: number}} Move */

/**
 * @typedef {object} Wishes what a reader does with a chart
 * @property {(move: Move) => void} onmove
 * @property {(fromS: number, toS: number) => void} onchoose
 * @property {(cursorS: number | null, isByKey: boolean) => void} oncursor
 */

const DRAG_MIN_PX = 6;
const WHEEL = 1.25;
const STEPS = 60;

/**
 * Returns the surface, and how to show a model on it.
 * @param {Wishes} wishes
 */
export function chartCanvas({ onmove, onchoose, oncursor }) {
  const canvas = h("canvas", { role: "img", class: "chart" });
  const layer = h("div", {
    class: "pointer chart-layer",
    role: "application",
    tabindex: 0,
    "aria-label": t("chart_area"),
  });
  const element = h("div", { class: "plot", dir: "ltr" }, canvas, layer);
  /** @type {ChartModel | null} */
  let model = null;
  /** @type {Area} */
  let area = { left: 0, right: 0, width: 1, height: 1 };
  /** @type {Map<number, number>} the x of each finger or button that is down */
  const down = new Map();
  let [beganX, isTouch] = [0, false];

  const draw = () => {
    if (!model || !canvas.clientWidth) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, heightOf(model)];
    canvas.style.height = `${height}px`;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.scale(ratio, ratio);
    area = drawChart(pen, model, width, lookOf(canvas));
    Object.assign(layer.style, { left: `${area.left}px`, right: `${area.right}px`, height: `${height}px` });
  };
  const show = (/** @type {ChartModel} */ next, /** @type {string} */ label) => {
    model = next;
    canvas.setAttribute("aria-label", label);
    draw();
  };
  const span = () => (model ? model.toS - model.fromS : 1);
  const secondsOf = (/** @type {number} */ pixels) =>
    (pixels / Math.max(1, area.width - area.left - area.right)) * span();
  const timeAt = (/** @type {number} */ clientX) =>
    (model?.fromS ?? 0) + secondsOf(clientX - layer.getBoundingClientRect().left);

  const onDown = (/** @type {PointerEvent} */ event) => {
    if (event.button > 0) return;
    layer.setPointerCapture(event.pointerId);
    down.set(event.pointerId, event.clientX);
    beganX = event.clientX;
    isTouch = event.pointerType === "touch" || event.shiftKey;
  };
  const onMove = (/** @type {PointerEvent} */ event) => {
    const before = down.get(event.pointerId);
    if (before === undefined || !model) {
      oncursor(timeAt(event.clientX), false);
      return;
    }
    if (down.size === 2) pinch(event);
    else if (isTouch) onmove({ shiftS: secondsOf(before - event.clientX) });
    else {
      model.chosen = Math.abs(event.clientX - beganX) < DRAG_MIN_PX ? null : [timeAt(beganX), timeAt(event.clientX)];
      draw();
    }
    down.set(event.pointerId, event.clientX);
  };
  const pinch = (/** @type {PointerEvent} */ event) => {
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1] ?? 0;
    const before = Math.abs((down.get(event.pointerId) ?? 0) - other);
    const now = Math.abs(event.clientX - other);
    if (before > 1 && now > 1) onmove({ factor: before / now, aroundS: timeAt((event.clientX + other) / 2) });
  };
  const onUp = (/** @type {PointerEvent} */ event) => {
    if (!down.delete(event.pointerId) || !model) return;
    const chosen = model.chosen;
    model.chosen = null;
    if (chosen && event.type === "pointerup") onchoose(Math.min(...chosen), Math.max(...chosen));
    else if (Math.abs(event.clientX - beganX) < DRAG_MIN_PX) oncursor(timeAt(event.clientX), false);
  };
  const onWheel = (/** @type {WheelEvent} */ event) => {
    // Without a key, the wheel scrolls the page.
    if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    const isZoom = event.ctrlKey || event.metaKey;
    if (isZoom) onmove({ factor: event.deltaY > 0 ? WHEEL : 1 / WHEEL, aroundS: timeAt(event.clientX) });
    else onmove({ shiftS: secondsOf(event.deltaX) });
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !model) return;
    const direction = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (direction && event.shiftKey) onmove({ shiftS: (direction * span()) / 4 });
    else if (direction) oncursor(stepped(model, direction), true);
    else if (event.key === "+" || event.key === "=") onmove({ factor: 0.5, aroundS: model.cursorS ?? undefined });
    else if (event.key === "-") onmove({ factor: 2, aroundS: model.cursorS ?? undefined });
    else if (event.key === "Escape") oncursor(null, true);
    else return;
    event.preventDefault();
  };
  layer.addEventListener("pointerdown", onDown);
  layer.addEventListener("pointermove", onMove);
  layer.addEventListener("pointerup", onUp);
  layer.addEventListener("pointercancel", onUp);
  layer.addEventListener(
    "pointerleave",
    (event) => event.pointerType === "mouse" && !down.size && oncursor(null, false),
  );
  layer.addEventListener("dblclick", (event) => onmove({ factor: 3, aroundS: timeAt(event.clientX) }));
  layer.addEventListener("wheel", onWheel, { passive: false });
  layer.addEventListener("keydown", onKey);
  return { element, show, draw };
}

/** @type {(model: ChartModel, direction: number) => number} */
function stepped({ fromS, toS, cursorS }, direction) {
  const step = (toS - fromS) / STEPS;
  const next = cursorS === null ? toS : cursorS + direction * step;
  return Math.min(toS, Math.max(fromS, next));
}

/**
 * Returns the colours and letters that the page gives to a canvas.
 * @param {HTMLCanvasElement} canvas
 * @returns {Look}
 */
export function lookOf(canvas) {
  const style = getComputedStyle(canvas);
  // The style sheet gives these colours by names that a canvas has no other use for.
  const [ink, quiet, line, card] = [style.color, style.caretColor, style.outlineColor, style.backgroundColor];
  const [bad, warn] = [style.columnRuleColor, style.textDecorationColor];
  const brightness =
    card
      .match(/[\d.]+/g)
      ?.slice(0, 3)
      .reduce((sum, each) => sum + Number(each), 0) ?? 765;
  return { ink, quiet, line, card, bad, warn, font: style.fontFamily, isDark: brightness < 384 };
}
