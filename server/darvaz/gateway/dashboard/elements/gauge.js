// A gauge: half a circle that fills with a value between two ends.

import { drawn, h } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";

const ARC = "M8 50a42 42 0 0 1 84 0";

/**
 * Returns a gauge, and how to show a value in it; null: unknown.
 * @type {(title: string, low: number, high: number) => {element: HTMLElement, draw(value: number | null, text: string): void}}
 */
export function gauge(title, low, high) {
  const [ground, filled] = ["ground", "filled"].map((name) =>
    drawn("path", { d: ARC, class: name, pathLength: "100" }),
  );
  const svg = drawn("svg", { viewBox: "0 0 100 56", "aria-hidden": "true" }, ground, filled);
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
