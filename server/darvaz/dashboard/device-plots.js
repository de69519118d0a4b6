// What a device measures: the newest number of each name, and how it went.

import { ask, pathOf } from "/pages/api.js";
import { bdi, h, onceAFrame } from "/pages/dom.js";
import { ago, measured } from "/pages/format.js";
import { follow, store } from "/pages/store.js";
import { t } from "/pages/words.js";
import { plot } from "/pages/plot.js";

const RANGES = { hour: 3600, day: 86_400, week: 604_800, month: 2_592_000 };
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
    this.observer.observe(this);
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
    const picture = plot(t("plot_of", title), unit);
    const figure = h("figure", {}, h("figcaption", { class: "row" }, bdi(title), age, shown), picture.element);
    if (word) this.list.append(figure);
    else this.list.insertBefore(figure, this.list.querySelector(".vital"));
    figure.classList.toggle("vital", Boolean(word));
    return { number: shown, age, unit, points: [], draw: picture.draw, set: picture.set, isPlotted: false };
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
    found.isPlotted = true;
    const path = `${pathOf(this.device, "telemetry", name)}?from=-${RANGES[this.range.value]}&points=${POINTS}`;
    try {
      const answer = await ask("GET", path);
      found.points = withNewest(answer, found);
      found.set(found.points, answer.from, answer.to);
      found.draw();
    } catch {
      found.isPlotted = false;
    }
  }
}

customElements.define("device-plots", DevicePlots);

// The newest reading may still be on its way to the history.
function withNewest({ points, from }, { time, value }) {
  if (typeof value === "string" || time < from || time <= (points.at(-1)?.[0] ?? 0)) return points;
  return [...points, [time, Number(value), Number(value), Number(value), 1]];
}
