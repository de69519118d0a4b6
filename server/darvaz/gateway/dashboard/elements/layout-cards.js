// The cards of a dashboard, such as a value, a plot or a control; drawn once, then kept up to date.

import { aboutValue, boardName, newestOf } from "../lib/about-values.js";
import { chartHashOf, DAY_S } from "../lib/chart-state.js";
import { formatAgo, formatTime } from "../lib/format.js";
import { lineOfEntry } from "../lib/log-lines.js";
import { own } from "../lib/own.js";
import { announce, bdi, h, pathOf, request, store, t, visible } from "../lib/page.js";
import { pointOf } from "../lib/plot-math.js";
import { switchOf, titleOf } from "../lib/rules.js";
import { attempt, hint, row } from "./page-parts.js";
import "./device-camera.js";
import { gauge } from "./gauge.js";
import { plot } from "./plot.js";
import { deviceLink } from "./presence.js";
import { quickSwitch } from "./quick-switch.js";

/** @import { Child, Device, LayoutCard, Point, Value } from "../lib/types.js" */

/** @typedef {{device: string, element: HTMLElement, draw(): void, take?(values: Record<string, Value>, timeS: number): void, load?(): void, isLog?: boolean}} ShownCard */

const POINTS = 300;
const LOG_LINES = 12;

/**
 * Returns what is shown for a card: one for each board, where it is of a group.
 * @param {LayoutCard} card
 * @returns {ShownCard[]}
 */
export function cardsOf(card) {
  if (card.kind === "text") return [textCard(card)];
  const ids = card.device ? [card.device] : membersOf(card.group ?? "").map(({ id }) => id);
  return ids.map((id) => MAKERS[card.kind](card, id));
}

/**
 * Returns what a card is called.
 * @param {LayoutCard} card
 */
export function cardTitle({ kind, device, group, name, text }) {
  const of = device ? boardName(device) : group ? t("of_group", group) : "";
  return visible([text.slice(0, 40) || t(`card_${kind}`), of, name ?? ""].filter(Boolean).join(" · "));
}

/** @param {string} group */
const membersOf = (group) => [...store.devices.values()].filter(({ groups }) => groups.includes(group));

/** @type {Record<string, (card: LayoutCard, device: string) => ShownCard>} */
const MAKERS = {
  value: valueCard,
  gauge: gaugeCard,
  plot: plotCard,
  control: controlCard,
  camera: cameraCard,
  log: logCard,
};

/** @type {(card: LayoutCard, device: string, title: string, ...content: Child[]) => HTMLElement} */
function frame({ is_wide, text }, device, title, ...content) {
  const known = store.devices.get(device);
  const label = bdi(known ? boardName(device) : device);
  const board = known && !store.limits?.layout ? deviceLink(known, label) : label;
  const head = row(h("h2", {}, bdi(text || title)), h("span", { class: "quiet small" }, board));
  return h("li", { class: is_wide ? "panel tile wide-tile" : "panel tile" }, head, known ? content : hint("card_gone"));
}

/** @type {(card: LayoutCard, device: string) => ShownCard} */
function valueCard(card, device) {
  const name = card.name ?? "";
  const number = h("strong", { class: "big" });
  const age = h("span", { class: "quiet small" });
  const href = chartHashOf({ series: [{ device, name }] });
  const chart = h("a", { href, class: "quiet small", "aria-label": `${t("chart_for")}: ${name}` }, t("chart_for"));
  const element = frame(
    card,
    device,
    aboutValue(device, name).title,
    h("p", {}, number),
    h("p", { class: "row" }, age, !store.limits?.layout && chart),
  );
  const draw = () => {
    const known = store.devices.get(device);
    const reading = own(known?.values ?? {}, name);
    number.textContent = aboutValue(device, name).textOf(newestOf(known, name));
    age.textContent =
      known?.online === false
        ? `${t("offline")} · ${formatAgo(known.last_seen)}`
        : reading
          ? formatAgo(reading.time)
          : "";
    element.classList.toggle("away", known?.online === false);
  };
  return { device, element, draw };
}

/** @type {(card: LayoutCard, device: string) => ShownCard} */
function gaugeCard(card, device) {
  const name = card.name ?? "";
  const { title } = aboutValue(device, name);
  const [low, high] = [card.low ?? 0, card.high ?? 100];
  const drawing = gauge(title, low, high);
  const element = frame(card, device, title, drawing.element);
  const draw = () => {
    const known = store.devices.get(device);
    const value = newestOf(known, name);
    drawing.draw(typeof value === "number" ? value : null, aboutValue(device, name).textOf(value));
    element.classList.toggle("away", known?.online === false);
  };
  return { device, element, draw };
}

/** @type {(card: LayoutCard, device: string) => ShownCard} */
function logCard(card, device) {
  const list = h("ol", { class: "log", tabindex: 0, "aria-label": t("card_log") });
  const element = frame(card, device, t("log"), list);
  const load = async () => {
    try {
      const query = new URLSearchParams({ type: "log", device, limit: String(LOG_LINES) });
      const { rows } = await request("GET", `/api/journal?${query}`);
      list.replaceChildren(...rows.map(logLine).reverse());
    } catch {
      // The next time, in some seconds.
    }
  };
  return { device, element, draw: () => {}, load, isLog: true };
}

/** @param {import("../lib/types.js").JournalEntry} entry */
function logLine(entry) {
  const { time, level, message } = lineOfEntry(entry);
  const moment = h("time", {}, formatTime(time));
  return h("li", { class: level }, moment, h("span", { class: "level" }, level), bdi(message, { class: "message" }));
}

/** @type {(card: LayoutCard, device: string) => ShownCard} */
function plotCard(card, device) {
  const name = card.name ?? "";
  const { title, unit } = aboutValue(device, name);
  const drawing = plot(title, unit);
  /** @type {Point[]} */
  let points = [];
  const element = frame(card, device, title, drawing.element);
  const show = (/** @type {number} */ toS) => {
    drawing.set(points, toS - DAY_S, toS);
    drawing.draw();
  };
  const load = async () => {
    try {
      const found = await request("GET", `${pathOf(device, "telemetry", name)}?from=-${DAY_S}&points=${POINTS}`);
      points = found.points;
      show(found.to);
    } catch {
      // The next time, in a minute.
    }
  };
  const take = (/** @type {Record<string, Value>} */ values, /** @type {number} */ timeS) => {
    const value = own(values, name);
    if (value === undefined || typeof value === "string") return;
    points.push(pointOf(timeS, value));
    show(timeS);
  };
  return { device, element, draw: drawing.draw, take, load };
}

/** @type {(card: LayoutCard, device: string) => ShownCard} */
function controlCard(card, device) {
  const known = store.devices.get(device);
  const name = card.name ?? "";
  const isSwitch = known && switchOf(known)?.name === name;
  const control = known && store.mayUse(known, name) ? (isSwitch ? quickSwitch(known) : button(known, name)) : null;
  const title = titleOf(own(known?.words?.commands ?? {}, name), name);
  const element = frame(card, device, title, control?.element);
  const draw = () => {
    const now = store.devices.get(device);
    if (now) control?.draw(now);
    element.classList.toggle("away", now?.online === false);
  };
  return { device, element, draw };
}

/** @type {(device: Device, name: string) => {element: HTMLElement, draw(now: Device): void}} */
function button({ id }, name) {
  const status = h("output", { class: "status" });
  const send = async () => {
    run.disabled = true;
    await attempt(status, async () => {
      await request("POST", pathOf(id, "commands", name));
      status.textContent = t("done");
    });
    announce(status.textContent ?? "");
    run.disabled = false;
  };
  const run = h("button", { type: "button", onclick: send, "aria-label": `${t("run")}: ${visible(name)}` }, t("run"));
  const draw = (/** @type {Device} */ { online }) => {
    run.hidden = !online;
  };
  return { element: h("p", { class: "row" }, run, status), draw };
}

/** @type {(card: LayoutCard, device: string) => ShownCard} */
function cameraCard(card, device) {
  const element = frame(card, device, t("card_camera"), h("device-camera", { device, fps: 3, small: true }));
  return { device, element, draw: () => {} };
}

/** @type {(card: LayoutCard) => ShownCard} */
function textCard({ text, is_wide }) {
  const element = h(
    "li",
    { class: is_wide ? "panel tile wide-tile" : "panel tile" },
    h("p", { class: "said", dir: "auto" }, visible(text)),
  );
  return { device: "", element, draw: () => {} };
}
