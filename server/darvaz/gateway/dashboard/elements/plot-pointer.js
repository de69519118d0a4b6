// Reads single values off a plot: under the mouse or finger, or with the arrow keys.

import { announce, h, visible } from "../lib/dom.js";
import { clock, day, measured } from "../lib/format.js";
import { t } from "../lib/words.js";

const DAY_S = 86_400;
const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

/** Returns what lies on a plot whose lines begin and end so many pixels from its sides: its element, and `set(points, from_s, to_s)`. */
export function pointer(name, unit, { left, right, height }) {
  const mark = h("span", { class: "mark", hidden: true }), said = h("span", { class: "reading", hidden: true, dir: document.documentElement.dir });
  const element = h("div", { class: "pointer", role: "application", tabindex: 0, "aria-label": t("reading_of", visible(name)) }, mark, said);
  Object.assign(element.style, { left: `${left}px`, right: `${right}px`, height: `${height}px` });
  let points = [], fromS = 0, toS = 1, chosenS = null;

  const show = (at) => {
    const point = points[at];
    mark.hidden = said.hidden = chosenS === null || !point;
    if (!point) return;
    const share = (point[0] - fromS) / (toS - fromS || 1);
    mark.style.left = `${share * 100}%`;
    // Beside the line, on the side where there is room.
    Object.assign(said.style, share > 0.5 ? { left: "auto", right: `${(1 - share) * 100}%` } : { left: `${share * 100}%`, right: "auto" });
    said.textContent = reading(point, unit, toS - fromS > DAY_S);
  };
  const choose = (timeS) => {
    chosenS = timeS;
    show(nearest(points, timeS ?? toS));
  };
  const follow = (event) => {
    const box = element.getBoundingClientRect();
    choose(fromS + ((event.clientX - box.left) / (box.width || 1)) * (toS - fromS));
  };
  const step = (event) => {
    if (event.key === "Escape") choose(null);
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    const at = nearest(points, chosenS ?? toS) + (chosenS === null ? 0 : KEYS[event.key]);
    choose(points[Math.min(points.length - 1, Math.max(0, at))][0]);
    announce(said.textContent);
  };
  for (const type of ["pointermove", "pointerdown"]) element.addEventListener(type, follow);
  for (const type of ["pointerleave", "blur"]) element.addEventListener(type, () => choose(null));
  element.addEventListener("focus", () => element.matches(":focus-visible") && points.length && choose(points.at(-1)[0]));
  element.addEventListener("keydown", step);

  const set = (found, from, to) => {
    [points, fromS, toS] = [found, from, to];
    element.hidden = !points.length;
    show(nearest(points, chosenS ?? toS));
  };
  return { element, set };
}

function nearest(points, timeS) {
  let found = 0;
  points.forEach((point, at) => {
    if (Math.abs(point[0] - timeS) < Math.abs(points[found][0] - timeS)) found = at;
  });
  return found;
}

function reading([timeS, mean, low, high], unit, isLong) {
  const when = isLong ? `${day(timeS)} ${clock(timeS).slice(0, 5)}` : clock(timeS);
  const band = low === high ? "" : ` (${measured(low, unit)} – ${measured(high, unit)})`;
  return `${when} · ${measured(mean, unit)}${band}`;
}
