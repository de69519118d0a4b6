// The page of a chart: values of several boards over one time, compared with an earlier one, as its address says.

import {
  aboutValue,
  announce,
  boardName,
  button,
  every,
  failureText,
  follow,
  formatIso,
  h,
  nowS,
  oncePerFrame,
  panel,
  statusLine,
  t,
  visible,
} from "../elements/page-parts.js";
import "../lib/words-charts.js";
import { chartCanvas, lookOf } from "../elements/chart-canvas.js";
import { drawChart, heightOf } from "../elements/chart-drawing.js";
import { drawHead, HEAD } from "../elements/chart-head.js";
import { chartLegend } from "../elements/chart-legend.js";
import { fullText, seriesPicker, timePicker } from "../elements/chart-picker.js";
import { copyButton } from "../elements/copyable.js";
import { alertText } from "../lib/alert-text.js";
import { fewAtOnce, loadAlerts, loadHappened, loadSeries } from "../lib/chart-data.js";
import { rowsOf, spansOf } from "../lib/chart-math.js";
import { chartHashOf, chartStateOf, movedSpan, SERIES_MAX, spanOf } from "../lib/chart-state.js";
import { csvOf } from "../lib/fleet.js";
import { addInOrder, pointOf } from "../lib/plot-math.js";
import { saveFile } from "../lib/save-file.js";

/** @import { TelemetryReport } from "../lib/types.js" */
/** @import { ChartSeries, ChartState } from "../lib/chart-state.js" */
/** @import { Data, Happened } from "../lib/chart-data.js" */
/** @import { ChartModel } from "../elements/chart-drawing.js" */
/** @import { Shown } from "../elements/chart-legend.js" */

const POINTS = 600;
const FILE_POINTS = 2_000;
const REFRESH_MS = 60_000;
// While somebody zooms, what is there is drawn; this long after the last step it is loaded.
const LOAD_DELAY_MS = 250;
const PICTURE_WIDTH = 1_200;
const PICTURE_RATIO = 2;

/** @type {Data} */
const NOTHING = { points: [], states: [] };
const keyOf = (/** @type {ChartSeries} */ { device, name }) => `${device}/${name}`;

class ChartPage extends HTMLElement {
  #state = chartStateOf(location.hash);
  /** @type {Map<string, Data>} by board and name */
  #data = new Map();
  /** @type {Map<string, Data>} of the compared time, moved to this one */
  #before = new Map();
  /** @type {Map<string, Happened>} by board */
  #happened = new Map();
  /** @type {number | null} */
  #cursorS = null;
  /** Counts loads: only the last one is shown. */
  #loads = 0;
  #loadTimer = 0;
  #status = statusLine();
  #failed = h("p", { class: "failed", role: "alert" });
  #canvas = chartCanvas({
    onmove: (move) => this.#change(movedSpan(this.#span, move)),
    onchoose: (fromS, toS) => this.#change({ lastS: 0, fromS, toS }),
    oncursor: (cursorS, isByKey) => this.#onCursor(cursorS, isByKey),
  });
  #legend = chartLegend((series) =>
    this.#change({ series: this.#state.series.filter((each) => keyOf(each) !== keyOf(series)) }),
  );
  #times = timePicker(
    () => this.#state,
    (change) => this.#change(change),
    (step) => this.#step(step),
  );
  #series = seriesPicker((added) => this.#add(added));
  #tools = h(
    "span",
    { class: "row tools" },
    copyButton("chart_link", "chart_link_copied", () => location.href),
    button("chart_csv", () => this.#saveCsv()),
    button("chart_png", () => this.#savePicture()),
  );
  #panel = h(
    "section",
    { class: "panel", "aria-label": t("charts") },
    this.#canvas.element,
    this.#status,
    this.#legend.element,
  );
  #empty = h("p", { class: "empty" }, t("chart_empty"));
  #drawSoon = oncePerFrame(() => this.#draw());
  #observer = new ResizeObserver(this.#drawSoon);

  connectedCallback() {
    const head = h("div", { class: "row page-head" }, h("h1", {}, t("charts")), this.#tools);
    this.replaceChildren(
      head,
      this.#times.element,
      this.#failed,
      this.#empty,
      this.#panel,
      panel(this.#series.element),
    );
    follow(this, "telemetry", (report) => this.#onTelemetry(report));
    follow(this, "devices", () => this.#series.offer());
    follow(this, "theme", this.#drawSoon);
    this.#observer.observe(this.#canvas.element);
    every(this, REFRESH_MS, () => this.#state.lastS && this.#load());
    this.#draw();
    this.#load();
  }

  disconnectedCallback() {
    clearTimeout(this.#loadTimer);
    this.#observer.disconnect();
  }

  get #span() {
    return spanOf(this.#state, nowS());
  }

  /** @param {Partial<ChartState>} change */
  #change(change) {
    this.#state = { ...this.#state, ...change };
    history.replaceState(null, "", chartHashOf(this.#state));
    this.#drawSoon();
    clearTimeout(this.#loadTimer);
    this.#loadTimer = setTimeout(() => this.#load(), LOAD_DELAY_MS);
  }

  /** @param {{factor?: number, shift?: number}} step */
  #step({ factor, shift = 0 }) {
    const [fromS, toS] = this.#span;
    this.#change(movedSpan([fromS, toS], { factor, shiftS: shift * (toS - fromS) }));
  }

  /** @param {ChartSeries[]} added */
  #add(added) {
    const all = new Map([...this.#state.series, ...added].map((each) => [keyOf(each), each]));
    this.#failed.textContent = all.size > SERIES_MAX ? fullText() : "";
    this.#change({ series: [...all.values()].slice(0, SERIES_MAX) });
  }

  async #load() {
    this.#loads += 1;
    const number = this.#loads;
    const { series, compareS, hasMarks } = this.#state;
    const [fromS, toS] = this.#span;
    const devices = [...new Set(series.map(({ device }) => device))];
    if (series.length && !this.#data.size) this.#status.textContent = t("chart_loading");
    try {
      const found = await fewAtOnce(series, (each) => loadSeries(each, fromS, toS, POINTS));
      if (number !== this.#loads) return;
      this.#data = new Map(series.map((each, at) => [keyOf(each), found[at]]));
      this.#draw();
      const before = compareS
        ? await fewAtOnce(series, (each) => loadSeries(each, fromS - compareS, toS - compareS, POINTS))
        : [];
      const happened = hasMarks ? await fewAtOnce(devices, (device) => loadHappened(device, fromS, toS)) : [];
      const alerts = hasMarks && devices.length ? await loadAlerts(new Set(devices), fromS, toS, alertText) : new Map();
      if (number !== this.#loads) return;
      this.#before = new Map(before.map((data, at) => [keyOf(series[at]), movedBy(data, compareS)]));
      const withAlerts = (/** @type {string} */ device, /** @type {Happened} */ { offline, marks }) => ({
        offline,
        marks: [...marks, ...(alerts.get(device) ?? [])],
      });
      this.#happened = new Map(happened.map((each, at) => [devices[at], withAlerts(devices[at], each)]));
      this.#failed.textContent = "";
    } catch (error) {
      if (number === this.#loads) this.#failed.textContent = failureText(error);
    }
    this.#draw();
  }

  /** @param {TelemetryReport} report */
  #onTelemetry({ id, time, values }) {
    if (!this.#state.lastS) return;
    for (const { device, name } of this.#state.series) {
      const data = this.#data.get(keyOf({ device, name }));
      if (device !== id || !data || !Object.hasOwn(values, name)) continue;
      const value = values[name];
      if (data.states.length || typeof value === "string") {
        const before = data.states.filter(([timeS]) => timeS <= time).at(-1);
        if (before?.[1] !== value) addInOrder(data.states, [time, value]);
      } else addInOrder(data.points, pointOf(time, value));
      this.#drawSoon();
    }
  }

  /** @type {(cursorS: number | null, isByKey: boolean) => void} */
  #onCursor(cursorS, isByKey) {
    this.#cursorS = cursorS;
    this.#draw();
    if (isByKey && cursorS !== null) announce(this.#legendText());
  }

  /** Returns what the legend says, for those who hear it. */
  #legendText() {
    const rows = [...this.#legend.element.querySelectorAll("tbody tr")];
    return rows
      .map((row) => `${row.querySelector("th")?.textContent} ${row.querySelector("td")?.textContent}`)
      .join(", ");
  }

  /** @returns {Shown[]} */
  #shown() {
    let at = -1;
    return this.#state.series.map((series) => {
      const data = this.#data.get(keyOf(series)) ?? NOTHING;
      if (!data.states.length) at += 1;
      return { series, at, data, before: this.#before.get(keyOf(series)) ?? null };
    });
  }

  /** @returns {ChartModel} */
  #model() {
    const [fromS, toS] = this.#span;
    /** @type {ChartModel} */
    const model = { fromS, toS, lines: [], bars: [], lanes: [], cursorS: this.#cursorS, chosen: null };
    for (const { series, at, data, before } of this.#shown()) {
      const { title, unit, textOf } = aboutValue(series.device, series.name);
      const name = `${boardName(series.device)} · ${title}`;
      if (data.states.length) model.bars.push({ title: name, spans: spansOf(data.states, fromS, toS), textOf });
      else model.lines.push({ title: name, unit, at, points: data.points, before: before?.points ?? [] });
    }
    if (!this.#state.hasMarks) return model;
    for (const [device, { offline, marks }] of this.#happened) {
      if (offline.length || marks.length) model.lanes.push({ title: boardName(device), offline, marks });
    }
    return model;
  }

  #draw() {
    const isEmpty = !this.#state.series.length;
    this.#empty.hidden = !isEmpty;
    this.#panel.hidden = this.#tools.hidden = isEmpty;
    this.#times.draw();
    if (isEmpty) return;
    const model = this.#model();
    const hasData = model.lines.some(({ points }) => points.length) || model.bars.length > 0;
    if (this.#data.size) this.#status.textContent = hasData ? this.#marksText() : t("chart_none");
    const canvas = /** @type {HTMLCanvasElement} */ (this.#canvas.element.firstChild);
    const names = [...model.lines, ...model.bars].map(({ title }) => visible(title)).join(", ");
    this.#canvas.show(model, `${t("charts")}: ${names}`);
    this.#legend.draw(this.#shown(), this.#span, this.#cursorS, lookOf(canvas).isDark);
  }

  /** What happened near the cursor, in words. */
  #marksText() {
    const [fromS, toS] = this.#span;
    const nearS = (toS - fromS) * 0.012;
    if (this.#cursorS === null) return t("chart_hint");
    const at = this.#cursorS;
    const found = [...this.#happened].flatMap(([device, { offline, marks }]) => [
      ...offline.filter(([from, to]) => from <= at && at <= to).map(() => `${boardName(device)}: ${t("mark_offline")}`),
      ...marks
        .filter((mark) => mark.timeS - nearS <= at && at <= mark.toS + nearS)
        .map((mark) => `${boardName(device)}: ${t(`mark_${mark.kind}`)} – ${visible(mark.text).slice(0, 120)}`),
    ]);
    return found.slice(0, 4).join(" · ") || t("chart_hint");
  }

  async #saveCsv() {
    const [fromS, toS] = this.#span;
    try {
      const { series } = this.#state;
      const found = await fewAtOnce(series, (each) => loadSeries(each, fromS, toS, FILE_POINTS));
      const all = series.map(({ device, name }, at) => {
        const { title, unit } = aboutValue(device, name);
        return { title: `${boardName(device)} ${title}${unit ? ` [${unit}]` : ""}`, ...found[at] };
      });
      saveFile("chart", "csv", new Blob([csvOf(rowsOf(all, formatIso))], { type: "text/csv" }));
    } catch (error) {
      this.#failed.textContent = failureText(error);
    }
  }

  #savePicture() {
    const model = { ...this.#model(), cursorS: null };
    const look = lookOf(/** @type {HTMLCanvasElement} */ (this.#canvas.element.firstChild));
    const canvas = h("canvas", {});
    const head = HEAD * (model.lines.length + 1);
    canvas.width = PICTURE_WIDTH * PICTURE_RATIO;
    canvas.height = (head + heightOf(model)) * PICTURE_RATIO;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.scale(PICTURE_RATIO, PICTURE_RATIO);
    pen.fillStyle = look.card;
    pen.fillRect(0, 0, PICTURE_WIDTH, head + heightOf(model));
    drawHead(pen, model, look);
    pen.translate(0, head);
    drawChart(pen, model, PICTURE_WIDTH, look);
    canvas.toBlob((blob) => blob && saveFile("chart", "png", blob));
  }
}

customElements.define("chart-page", ChartPage);

/** @type {(data: Data, seconds: number) => Data} */
function movedBy({ points, states }, seconds) {
  return {
    points: points.map(([timeS, ...rest]) => [timeS + seconds, ...rest]),
    states: states.map(([timeS, value]) => [timeS + seconds, value]),
  };
}
