// A gauge: half a circle that fills with a value between two ends.

import { h } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";

const SVG = "http://www.w3.org/2000/svg";
const ARC = "M8 50a42 42 0 0 1 84 0";

/**
 * Returns a gauge, and how to show a value in it; null: unknown.
 * @type {(title: string, low: number, high: number) => {element: HTMLElement, draw(value: number | null, text: string): void}}
 */
export function gauge(title, low, high) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 56");
  svg.setAttribute("aria-hidden", "true");
  const [, filled] = ["ground", "filled"].map((name) => {
    const arc = document.createElementNS(SVG, "path");
    const attributes = { d: ARC, class: name, pathLength: "100" };
    for (const [key, value] of Object.entries(attributes)) arc.setAttribute(key, value);
    svg.append(arc);
    return arc;
  });
  const number = h("strong", { class: "big" });
  const [least, most] = [low, high].map((end) => h("span", {}, formatNumber(end)));
  const element = h(
    "div",
    { class: "gauge", role: "meter", "aria-label": title, "aria-valuemin": low, "aria-valuemax": high },
    svg,
    number,
    h("div", { class: "row quiet small", "aria-hidden": "true" }, least, most),
  );
  const draw = (/** @type {number | null} */ value, /** @type {string} */ text) => {
    const part = value === null ? 0 : Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
    filled.setAttribute("stroke-dasharray", `${part * 100} 200`);
    element.setAttribute("aria-valuenow", String(Math.min(high, Math.max(low, value ?? low))));
    element.setAttribute("aria-valuetext", text);
    number.textContent = text;
  };
  return { element, draw };
}
