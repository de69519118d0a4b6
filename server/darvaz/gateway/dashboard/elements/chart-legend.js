// The legend of a chart: each value with its colour, what it is at the cursor, and its mean, lowest and highest.

import { pointAt, sharesOf, spansOf, statisticsOf } from "../lib/chart-math.js";
import { colourOf, isDashed } from "./chart-drawing.js";
import {
  aboutValue,
  bdi,
  boardName,
  deviceLink,
  formatDate,
  formatNumber,
  formatTime,
  h,
  relative,
  t,
  visible,
} from "./page-parts.js";

/** @import { ChartSeries } from "../lib/chart-state.js" */
/** @import { Data } from "../lib/chart-data.js" */

/** @typedef {{series: ChartSeries, at: number, data: Data, before: Data | null}} Shown */

const NEAR_SHARE = 0.03;
const SHARES_SHOWN = 3;

/** @param {(series: ChartSeries) => void} onremove */
export function chartLegend(onremove) {
  const head = h("tr", {});
  const body = h("tbody", {});
  const element = h("div", { class: "wide" }, h("table", { class: "legend" }, h("thead", {}, head), body));
  /** @type {(shown: Shown[], span: [number, number], cursorS: number | null, isDark: boolean) => void} */
  const draw = (shown, span, cursorS, isDark) => {
    const isCompared = shown.some(({ before }) => before);
    const time = cursorS === null ? "" : `${formatDate(cursorS)} ${formatTime(cursorS)}`;
    const titles = [
      t("chart_series"),
      cursorS === null ? t("chart_newest") : t("chart_at", time),
      t("mean"),
      t("lowest"),
      t("highest"),
    ];
    if (isCompared) titles.push(t("chart_before"));
    head.replaceChildren(...titles.map((title) => h("th", { scope: "col" }, title)), h("td", {}));
    body.replaceChildren(...shown.map((each) => rowOf(each, span, cursorS, isDark, titles, onremove)));
  };
  return { element, draw };
}

/** @type {(shown: Shown, span: [number, number], cursorS: number | null, isDark: boolean, titles: string[], onremove: (series: ChartSeries) => void) => HTMLElement} */
function rowOf({ series, at, data, before }, span, cursorS, isDark, titles, onremove) {
  const { title, textOf } = aboutValue(series.device, series.name);
  const name = `${visible(boardName(series.device))} · ${visible(title)}`;
  const swatch = h("span", { class: isDashed(at) ? "swatch dashed" : "swatch" });
  swatch.style.setProperty("--swatch", data.states.length ? "transparent" : colourOf(at, isDark));
  const shown = shownText(data, span, cursorS, textOf);
  const cells = [shown, ...statisticsText(data, span, textOf)];
  if (titles.length > 5) cells.push(before ? statisticsText(before, span, textOf)[0] : "");
  const query = new URLSearchParams({
    device: series.device,
    name: series.name,
    from: String(span[0]),
    to: String(span[1]),
  });
  const href = relative(`/api/telemetry/export?${query}`);
  const every = h(
    "a",
    { href, download: true, class: "quiet", "aria-label": t("chart_every_of", name) },
    t("chart_every"),
  );
  const remove = h(
    "button",
    { type: "button", class: "quiet small", "aria-label": t("chart_remove", name), onclick: () => onremove(series) },
    "✕",
  );
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      swatch,
      deviceLink({ id: series.device }, bdi(boardName(series.device))),
      " · ",
      bdi(title),
    ),
    cells.map((cell, column) => h("td", { "data-label": titles[column + 1] }, h("bdi", {}, cell))),
    h("td", { class: "acts" }, !data.states.length && every, " ", remove),
  );
}

/** @type {(data: Data, span: [number, number], cursorS: number | null, textOf: (value: any) => string) => string} */
function shownText({ points, states }, [fromS, toS], cursorS, textOf) {
  if (states.length) {
    const state = states.filter(([timeS]) => timeS <= (cursorS ?? toS)).at(-1);
    return state ? textOf(state[1]) : "–";
  }
  const point = cursorS === null ? points.at(-1) : pointAt(points, cursorS, (toS - fromS) * NEAR_SHARE);
  return point ? textOf(point[1]) : "–";
}

/** @type {(data: Data, span: [number, number], textOf: (value: any) => string) => string[]} */
function statisticsText({ points, states }, [fromS, toS], textOf) {
  if (states.length) {
    const shares = sharesOf(spansOf(states, fromS, toS)).slice(0, SHARES_SHOWN);
    return [
      shares.map(([value, share]) => `${textOf(value)} ${formatNumber(share * 100, 0)}\u2009%`).join(" · "),
      "",
      "",
    ];
  }
  const found = statisticsOf(points.filter(([timeS]) => timeS >= fromS && timeS <= toS));
  return found ? [textOf(rounded(found.mean)), textOf(found.low), textOf(found.high)] : ["–", "–", "–"];
}

// A mean has more digits than anybody measured.
const rounded = (/** @type {number} */ value) => Number(value.toPrecision(5));
