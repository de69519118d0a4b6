// The measurements of a device: the newest value of each name, and a plot of its history.

import { chartHashOf, LENGTHS } from "../lib/chart-state.js";
import { addInOrder, joinNewer, pointOf } from "../lib/plot-math.js";
import {
  aboutValue,
  bdi,
  DevicePart,
  every,
  follow,
  formatAgo,
  h,
  hint,
  isVital,
  labelled,
  nowS,
  oncePerFrame,
  option,
  orderOf,
  own,
  pathOf,
  request,
  store,
  t,
} from "./page-parts.js";
import { plot } from "./plot.js";

/** @import { Point, Reading, Series, TelemetryReport, Value } from "../lib/types.js" */

/**
 * What is shown of one name.
 * @typedef {object} Measurement
 * @property {HTMLElement} number the newest value
 * @property {HTMLElement} age how old it is, while the device is offline
 * @property {ReturnType<typeof plot>} plot
 * @property {Point[]} points what the plot shows, oldest first
 * @property {number} time of the newest value, in Unix seconds
 * @property {Value | null} value the newest; null: unknown since the board started again
 * @property {boolean} hasHistory whether the history was requested
 */

/** @type {Record<string, number>} */
const RANGES = LENGTHS;
const USUAL_RANGE = "hour";
const KEY = "darvaz.range";
const POINTS = 400;
const REFRESH_MS = 60_000;

class DevicePlots extends DevicePart {
  /** @type {Map<string, Measurement>} by name */
  #measurements = new Map();
  /** What people say of the values, as JSON; "" before the first look. */
  #words = "";
  #range = h("select", { onchange: () => this.#onRange() });
  #list = h("div", { class: "plots" });
  #none = hint("no_telemetry");
  #drawSoon = oncePerFrame(() => {
    for (const measurement of this.#measurements.values()) measurement.plot.draw();
  });
  #observer = new ResizeObserver(this.#drawSoon);

  connectedCallback() {
    const chosen = localStorage.getItem(KEY) ?? "";
    this.#range.replaceChildren(...Object.keys(RANGES).map((name) => option(name, t(name))));
    this.#range.value = chosen in RANGES ? chosen : USUAL_RANGE;
    this.replaceChildren(labelled("range", this.#range), this.#none, this.#list);
    follow(this, "telemetry", (report) => report.id === this.device && this.#onTelemetry(report));
    follow(this, "devices", () => this.#catchUp());
    follow(this, "device", (id) => id === this.device && this.#onDevice());
    follow(this, "theme", this.#drawSoon);
    // The custom element itself is inline, and has no size to observe.
    this.#observer.observe(this.#list);
    every(this, REFRESH_MS, () => this.#refresh());
    this.#takeWords();
    this.#begin();
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  #onRange() {
    localStorage.setItem(KEY, this.#range.value);
    this.#load();
  }

  get #rangeS() {
    return RANGES[this.#range.value];
  }

  #refresh() {
    this.#showAges();
    this.#load();
  }

  async #begin() {
    try {
      const { values } = await request("GET", pathOf(this.device, "telemetry"));
      for (const [name, reading] of this.#newer(values)) this.#show(name, reading);
    } catch {
      // Until it answers, the values of the list of devices are shown.
    }
    await this.#load();
    await this.#zoomIn();
  }

  // The first minutes of a new board would be a dot at the end of an hour.
  async #zoomIn() {
    const firstTimes = [...this.#measurements.values()].map(({ points }) => points[0]?.[0] ?? Number.POSITIVE_INFINITY);
    const isNew = Math.min(...firstTimes) >= nowS() - RANGES.minutes;
    if (!isNew || localStorage.getItem(KEY) || this.#range.value !== USUAL_RANGE) return;
    this.#range.value = "minutes";
    await this.#load();
  }

  // After an interruption, the list of devices has what the stream of events missed.
  #catchUp() {
    const missed = this.#newer(this.known?.values ?? {});
    for (const [name, reading] of missed) this.#fetch(name, this.#show(name, reading));
    // Whether the device is online may have been missed, too.
    this.#showAges();
  }

  /** @param {Record<string, Reading>} values */
  #newer(values) {
    return Object.entries(values).filter(([name, { time }]) => time > (this.#measurements.get(name)?.time ?? 0));
  }

  /** @type {(name: string, reading: Reading) => Measurement} */
  #show(name, { value, time }) {
    this.#none.hidden = true;
    const measurement = this.#measurements.get(name) ?? this.#add(name);
    Object.assign(measurement, { value, time });
    measurement.number.textContent = aboutValue(this.device, name).textOf(value);
    // Texts have no plot.
    measurement.plot.element.hidden = typeof value === "string";
    this.#showAge(measurement);
    return measurement;
  }

  // Titles, units and order may be changed while the plots are shown.
  #takeWords() {
    const words = JSON.stringify(this.known?.words?.telemetry ?? {});
    if (words === this.#words) return;
    const isFirst = this.#words === "";
    this.#words = words;
    if (isFirst) return;
    this.#measurements.clear();
    this.#list.replaceChildren();
    this.#begin();
  }

  // A board that started again has not told its values yet; their plots stay.
  #onDevice() {
    this.#takeWords();
    const { values = {} } = this.known ?? {};
    for (const [name, { time }] of this.#measurements) {
      if (!own(values, name) && !isVital(name)) this.#show(name, { value: null, time });
    }
    this.#showAges();
  }

  #showAges() {
    for (const measurement of this.#measurements.values()) this.#showAge(measurement);
  }

  /** @param {Measurement} measurement */
  #showAge({ age, time }) {
    const isOld = this.known?.online === false;
    age.textContent = isOld ? formatAgo(time) : "";
    age.parentElement?.classList.toggle("old", isOld);
  }

  /** @param {string} name */
  #add(name) {
    const { title, unit } = aboutValue(this.device, name);
    const number = h("strong", {});
    const age = h("span", { class: "quiet" });
    const drawing = plot(title, unit);
    const link = (/** @type {string} */ key, /** @type {string} */ href) =>
      h("a", { href, class: "quiet", "aria-label": `${t(key)}: ${title}` }, t(key));
    const alert = link("alert_for", `#/alerts/${encodeURIComponent(this.device)}/${encodeURIComponent(name)}`);
    const chart = link("chart_for", chartHashOf({ series: [{ device: this.device, name }] }));
    const caption = h("figcaption", { class: "row" }, bdi(title), age, number, chart, store.mayChange && alert);
    const figure = h("figure", { class: isVital(name) ? "vital" : "" }, caption, drawing.element);
    this.#insert(figure, name);
    /** @type {Measurement} */
    const measurement = { number, age, plot: drawing, points: [], time: 0, value: 0, hasHistory: false };
    this.#measurements.set(name, measurement);
    return measurement;
  }

  // Always in the same order, whatever answers first: the maker's, then by name, with what the library reports last.
  /** @type {(figure: HTMLElement, name: string) => void} */
  #insert(figure, name) {
    const byOrder = orderOf(this.known?.words?.telemetry);
    const isBefore = (/** @type {string} */ other) =>
      Number(isVital(name)) - Number(isVital(other)) || byOrder(name, other);
    figure.dataset.name = name;
    const figures = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    this.#list.insertBefore(figure, figures.find((other) => isBefore(other.dataset.name ?? "") < 0) ?? null);
  }

  /** @param {TelemetryReport} report */
  #onTelemetry({ time, values }) {
    const known = this.known?.values ?? {};
    for (const [name, value] of Object.entries(values)) {
      // One that comes late is none to show, but has its place in the plot.
      const measurement = this.#show(name, own(known, name) ?? { value, time });
      if (typeof value === "string") continue;
      if (!measurement.hasHistory) this.#fetch(name, measurement);
      addInOrder(measurement.points, pointOf(time, value));
      const toS = Math.max(time, measurement.points.at(-1)?.[0] ?? time);
      measurement.plot.set(measurement.points, toS - this.#rangeS, toS);
    }
    this.#drawSoon();
  }

  async #load() {
    await Promise.all([...this.#measurements].map(([name, measurement]) => this.#fetch(name, measurement)));
  }

  /** @type {(name: string, measurement: Measurement) => Promise<void>} */
  async #fetch(name, measurement) {
    if (typeof measurement.value === "string") return;
    measurement.hasHistory = true;
    const range = this.#range.value;
    const path = `${pathOf(this.device, "telemetry", name)}?from=-${RANGES[range]}&points=${POINTS}`;
    try {
      /** @type {Series} */
      const history = await request("GET", path);
      // Another range was chosen meanwhile.
      if (range !== this.#range.value) return;
      measurement.points = joinNewer(history, measurement.points, measurement);
      measurement.plot.set(measurement.points, history.from, Math.max(history.to, measurement.points.at(-1)?.[0] ?? 0));
      measurement.plot.draw();
    } catch {
      measurement.hasHistory = false;
    }
  }
}

customElements.define("device-plots", DevicePlots);
