// What a device measures: the newest number of each name, and how it went.

import { ask, pathOf } from "../lib/api.js";
import { bdi, h, onceAFrame } from "../lib/dom.js";
import { ago, measured } from "../lib/format.js";
import { follow, store } from "../lib/store.js";
import { t } from "../lib/words.js";
import { plot } from "./plot.js";

const RANGES = { minutes: 600, hour: 3600, day: 86_400, week: 604_800, month: 2_592_000 };
const KEY = "darvaz.range";
const POINTS = 400;
const REFRESH_MS = 60_000;
// What the library adds by itself comes last.
const VITALS = { rssi_dbm: ["dBm", "signal"], heap_free_bytes: ["B", "heap"] };

class DevicePlots extends HTMLElement {
  #plots = new Map();

  connectedCallback() {
    this.device = this.getAttribute("device");
    this.#plots.clear();
    const range = localStorage.getItem(KEY) in RANGES ? localStorage.getItem(KEY) : "hour";
    this.range = h("select", { onchange: () => {
      localStorage.setItem(KEY, this.range.value);
      this.#load();
    } }, Object.keys(RANGES).map((name) => h("option", { value: name, selected: name === range }, t(name))));
    this.list = h("div", { class: "plots" });
    this.none = h("p", { class: "quiet" }, t("no_telemetry"));
    this.replaceChildren(h("label", {}, h("span", {}, t("range")), this.range), this.none, this.list);
    const draw = onceAFrame(() => this.#plots.forEach(({ draw: again }) => again()));
    follow(this, "telemetry", (report) => report.id === this.device && this.#take(report, draw));
    this.observer = new ResizeObserver(draw);
    // The element itself is in line, and has no size to watch.
    this.observer.observe(this.list);
    follow(this, "theme", draw);
    follow(this, "devices", () => this.#catchUp());
    follow(this, "device", (id) => id === this.device && this.#plots.forEach((found) => this.#age(found)));
    this.timer = setInterval(() => this.#refresh(), REFRESH_MS);
    this.#begin();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    this.observer.disconnect();
  }

  #refresh() {
    this.#plots.forEach((found) => this.#age(found));
    this.#load();
  }

  async #begin() {
    try {
      const { values } = await ask("GET", pathOf(this.device, "telemetry"));
      for (const [name, { value, time }] of this.#newer(values)) this.#show(name, value, time);
    } catch {
      // The numbers of the list will do until it answers.
    }
    await this.#load();
    await this.#zoomIn();
  }

  // The first minutes of a board would be a speck at the end of an hour.
  async #zoomIn() {
    const firstS = Math.min(...[...this.#plots.values()].map(({ points }) => points[0]?.[0] ?? Infinity));
    if (localStorage.getItem(KEY) || this.range.value !== "hour" || firstS < Date.now() / 1000 - RANGES.minutes) return;
    this.range.value = "minutes";
    await this.#load();
  }

  // What was measured while no stream was heard is in the list that is fetched when one is.
  #catchUp() {
    const missed = this.#newer(store.devices.get(this.device)?.values ?? {});
    for (const [name, { value, time }] of missed) this.#fetch(name, this.#show(name, value, time));
  }

  #newer(values) {
    return Object.entries(values).filter(([name, { time }]) => time > (this.#plots.get(name)?.time ?? 0));
  }

  #show(name, value, time) {
    this.none.hidden = true;
    if (!this.#plots.has(name)) this.#plots.set(name, this.#add(name));
    const found = this.#plots.get(name);
    found.number.textContent = measured(value, found.unit);
    found.time = time;
    found.value = value;
    // Words have no curve.
    found.curve.hidden = typeof value === "string";
    this.#age(found);
    return found;
  }

  // A number of a board that is away is an old one, and says how old.
  #age({ age, time }) {
    const isOld = store.devices.get(this.device)?.online === false;
    age.textContent = isOld ? ago(time) : "";
    age.parentElement.classList.toggle("old", isOld);
  }

  #add(name) {
    const rule = store.devices.get(this.device)?.telemetry[name] ?? {};
    const [ownUnit, word] = VITALS[name] ?? [];
    const unit = rule.unit ?? ownUnit;
    const title = rule.title || (word ? t(word) : name);
    const shown = h("strong", {}), age = h("span", { class: "quiet" });
    const picture = plot(title, unit);
    const figure = h("figure", {}, h("figcaption", { class: "row" }, bdi(title), age, shown), picture.element);
    if (word) this.list.append(figure);
    else this.list.insertBefore(figure, this.list.querySelector(".vital"));
    figure.classList.toggle("vital", Boolean(word));
    return { number: shown, curve: picture.element, age, unit, points: [], draw: picture.draw, set: picture.set, isPlotted: false };
  }

  #take({ time, values }, draw) {
    for (const [name, value] of Object.entries(values)) {
      const found = this.#show(name, value, time);
      if (typeof value === "string") continue;
      if (!found.isPlotted) this.#fetch(name, found);
      const number = Number(value);
      found.points.push([time, number, number, number, 1]);
      found.set(found.points, time - RANGES[this.range.value], time);
    }
    draw();
  }

  async #load() {
    await Promise.all([...this.#plots].map(([name, found]) => this.#fetch(name, found)));
  }

  async #fetch(name, found) {
    if (typeof found.value === "string") return;
    found.isPlotted = true;
    const range = this.range.value;
    const path = `${pathOf(this.device, "telemetry", name)}?from=-${RANGES[range]}&points=${POINTS}`;
    try {
      const answer = await ask("GET", path);
      // Somebody has chosen another one meanwhile.
      if (range !== this.range.value) return;
      found.points = withNewest(answer, found);
      found.set(found.points, answer.from, Math.max(answer.to, found.points.at(-1)?.[0] ?? 0));
      found.draw();
    } catch {
      found.isPlotted = false;
    }
  }
}

customElements.define("device-plots", DevicePlots);

// The newest readings may still be on their way to the history.
function withNewest({ points, from }, { points: heard, time, value }) {
  // The history counts milliseconds.
  const lastS = (points.at(-1)?.[0] ?? from) + 0.001;
  const newer = heard.filter(([timeS]) => timeS > lastS);
  const isHeard = time <= (newer.at(-1)?.[0] ?? lastS);
  return [...points, ...newer, ...(isHeard ? [] : [[time, Number(value), Number(value), Number(value), 1]])];
}
