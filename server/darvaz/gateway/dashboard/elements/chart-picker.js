// Chooses what a chart shows: a value of one board, of a group or of all boards, and the time.

import { COMPARISONS, LENGTHS, SERIES_MAX } from "../lib/chart-state.js";
import {
  aboutValue,
  formatNumber,
  formOf,
  h,
  labelled,
  nowS,
  option,
  signButton,
  t,
  valueNamesOf,
  visible,
} from "./page-parts.js";
import { fill, membersOf, targetOptions } from "./targets.js";

/** @import { ChartSeries, ChartState } from "../lib/chart-state.js" */

const CUSTOM = "custom_time";

/** @param {(added: ChartSeries[]) => void} onadd */
export function seriesPicker(onadd) {
  const of = h("select", {});
  const value = h("select", {});
  const add = h("button", {}, t("chart_add"));
  const devices = () => membersOf(of.value);
  const offerValues = () => {
    const found = devices();
    const names = [...new Set(found.flatMap(valueNamesOf))];
    const titleOf = (/** @type {string} */ name) =>
      aboutValue(found.find((one) => valueNamesOf(one).includes(name))?.id ?? "", name).title;
    fill(
      value,
      names.map((name) => [name, visible(titleOf(name))]),
    );
    add.disabled = !names.length;
  };
  const offer = () => {
    const { boards, groups } = targetOptions();
    const before = of.value;
    fill(of, [["", t("all_boards")], ...groups, ...boards]);
    of.value = before || boards[0]?.[0] || "";
    offerValues();
  };
  of.addEventListener("change", offerValues);
  const onsend = () => {
    const name = value.value;
    onadd(devices().flatMap((device) => (valueNamesOf(device).includes(name) ? { device: device.id, name } : [])));
  };
  offer();
  const form = formOf(onsend, labelled("chart_of", of), labelled("chart_value", value), add);
  return { element: form, offer };
}

/**
 * @param {() => ChartState} current
 * @param {(change: Partial<ChartState>) => void} onchange
 * @param {(step: {factor?: number, shift?: number}) => void} onstep
 */
export function timePicker(current, onchange, onstep) {
  const names = Object.keys(LENGTHS);
  const length = h(
    "select",
    {},
    [...names, CUSTOM].map((name) => option(name, t(name))),
  );
  const from = h("input", { type: "datetime-local", step: 1 });
  const to = h("input", { type: "datetime-local", step: 1 });
  const custom = h("span", { class: "row" }, labelled("from", from), labelled("up_to", to));
  const compare = h("select", {}, option("0", t("compare_none")));
  for (const [name, seconds] of Object.entries(COMPARISONS))
    compare.append(option(String(seconds), t(`compare_${name}`)));
  const marks = h("input", { type: "checkbox" });
  const steps = [
    signButton("chart_earlier", "◀", () => onstep({ shift: -0.5 })),
    signButton("chart_out", "−", () => onstep({ factor: 2 })),
    signButton("chart_in", "+", () => onstep({ factor: 0.5 })),
    signButton("chart_later", "▶", () => onstep({ shift: 0.5 })),
  ];
  length.addEventListener("change", () => {
    const { lastS } = current();
    if (length.value !== CUSTOM)
      onchange({ lastS: LENGTHS[/** @type {keyof typeof LENGTHS} */ (length.value)], fromS: 0, toS: 0 });
    else onchange({ lastS: 0, fromS: nowS() - (lastS || LENGTHS.day), toS: nowS() });
  });
  const onCustom = () => {
    const [fromS, toS] = [from, to].map((input) => Date.parse(input.value) / 1000);
    if (fromS < toS) onchange({ lastS: 0, fromS, toS });
  };
  from.addEventListener("change", onCustom);
  to.addEventListener("change", onCustom);
  compare.addEventListener("change", () => onchange({ compareS: Number(compare.value) }));
  marks.addEventListener("change", () => onchange({ hasMarks: marks.checked }));
  const element = h(
    "div",
    { class: "row chart-time" },
    labelled("chart_time", length),
    custom,
    // In the order of time, in every language.
    h("span", { class: "chart-steps", dir: "ltr" }, steps),
    labelled("compare_with", compare),
    h("label", {}, marks, h("span", {}, t("with_marks"))),
  );
  const draw = () => {
    const state = current();
    length.value = names.find((name) => LENGTHS[/** @type {keyof typeof LENGTHS} */ (name)] === state.lastS) ?? CUSTOM;
    custom.hidden = state.lastS > 0;
    if (!state.lastS)
      for (const [input, timeS] of /** @type {const} */ ([
        [from, state.fromS],
        [to, state.toS],
      ])) {
        if (input !== document.activeElement) input.value = localOf(timeS);
      }
    compare.value = String(state.compareS);
    marks.checked = state.hasMarks;
  };
  return { element, draw };
}

/** Says that a chart is full. */
export const fullText = () => t("chart_full", formatNumber(SERIES_MAX));

/** @param {number} timeS */
function localOf(timeS) {
  const date = new Date(timeS * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
