// The page of all devices: which are online, their signal, and their newest values.

import { deviceLink, presence } from "../elements/presence.js";
import { bdi, h, oncePerFrame } from "../lib/dom.js";
import { formatAgo, formatBytes, formatDuration, formatNumber, formatValue } from "../lib/format.js";
import { nameOf } from "../lib/known-devices.js";
import { own } from "../lib/own.js";
import { follow, store } from "../lib/store.js";
import { t } from "../lib/words.js";

/** @import { Child, Device } from "../lib/types.js" */

const VALUES_SHOWN = 4;
// With fewer devices there is no search box.
const SEARCH_FROM = 7;
const REFRESH_MS = 15_000;

class DeviceList extends HTMLElement {
  /** @type {Map<string, HTMLElement>} the card of each device, by id */
  #cards = new Map();
  /** @type {Set<string>} ids of devices whose cards are not up to date */
  #changed = new Set();
  #timer = 0;
  #count = h("p", { class: "quiet" });
  #list = h("ul", { class: "cards", "aria-label": t("devices") });
  #noneFound = h("p", { hidden: true }, t("none_found"));
  #empty = emptyNote();
  // Made once, so that typed text stays when devices are added.
  #search = h("input", { type: "search", oninput: () => this.#filter() });
  #searchBox = h("label", { class: "search" }, h("span", {}, t("search")), this.#search);
  #updateSoon = oncePerFrame(() => this.#update());
  #drawSoon = oncePerFrame(() => this.#draw());

  connectedCallback() {
    const head = h("div", { class: "row" }, h("h1", {}, t("devices")), this.#count, this.#searchBox);
    this.replaceChildren(head, this.#empty, this.#list, this.#noneFound);
    follow(this, "devices", this.#drawSoon);
    follow(this, "device", (id) => this.#markChanged([id]));
    follow(this, "telemetry", ({ id }) => this.#markChanged([id]));
    this.#timer = setInterval(() => this.#markChanged(this.#cards.keys()), REFRESH_MS);
    this.#draw();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  /** @param {Iterable<string>} ids */
  #markChanged(ids) {
    for (const id of ids) this.#changed.add(id);
    this.#updateSoon();
  }

  #draw() {
    const devices = [...store.devices.values()].sort(byPresence);
    const focused = [...this.#cards].find(([, card]) => card.contains(document.activeElement))?.[0] ?? "";
    this.#cards = new Map(devices.map((device) => [device.id, cardOf(device)]));
    this.#list.replaceChildren(...this.#cards.values());
    this.#cards.get(focused)?.querySelector("a")?.focus();
    this.#empty.hidden = devices.length > 0;
    this.#count.hidden = this.#list.hidden = !devices.length;
    this.#searchBox.hidden = devices.length < SEARCH_FROM;
    this.#showCount();
    this.#filter();
  }

  #update() {
    for (const id of this.#changed) {
      const device = store.devices.get(id);
      const card = this.#cards.get(id);
      if (device && card) fill(card, device);
    }
    this.#changed.clear();
    this.#showCount();
  }

  #showCount() {
    const online = [...store.devices.values()].filter((device) => device.online).length;
    const parts = [t("count_online", formatNumber(online)), t("count_all", formatNumber(store.devices.size))];
    this.#count.textContent = parts.join(" · ");
  }

  #filter() {
    const text = this.#search.value.trim().toLowerCase();
    let shown = 0;
    for (const [id, card] of this.#cards) {
      const device = store.devices.get(id);
      card.hidden = !`${id} ${device?.label ?? ""} ${device?.kind}`.toLowerCase().includes(text);
      shown += card.hidden ? 0 : 1;
    }
    this.#noneFound.hidden = shown > 0 || !this.#cards.size;
  }
}

customElements.define("device-list", DeviceList);

/** @type {(a: Device, b: Device) => number} */
const byPresence = (a, b) => Number(b.online) - Number(a.online) || nameOf(a).localeCompare(nameOf(b));

function emptyNote() {
  return h(
    "div",
    { class: "empty" },
    h("p", {}, h("strong", {}, t("no_devices"))),
    h("p", {}, h("a", { href: "#/add", class: "button" }, t("add")), " ", t("no_devices_hint")),
    h("p", { class: "quiet" }, t("simulate_hint")),
    h("pre", { dir: "ltr" }, "make simulate"),
  );
}

/** @param {Device} device */
function cardOf(device) {
  const card = h("li", { class: "card" });
  fill(card, device);
  return card;
}

/** @type {(card: HTMLElement, device: Device) => void} */
function fill(card, device) {
  card.classList.toggle("away", !device.online);
  const link = deviceLink(device, bdi(nameOf(device)));
  // The focus stays on the link while values change.
  const hadFocus = card.contains(document.activeElement);
  card.replaceChildren(
    h("div", { class: "row" }, h("h2", {}, link), presence(device)),
    h("p", { class: "quiet" }, stateOf(device)),
    h("p", { class: "quiet small" }, detailsOf(device)),
    valuesOf(device),
  );
  if (hadFocus) link.focus();
}

/** @param {Device} device */
function stateOf({ kind, online, since, last_seen }) {
  const duration = () => formatDuration(Date.now() / 1000 - (since ?? last_seen));
  return `${t(`kind_${kind}`)} · ${online ? t("since", duration()) : t("last_seen", formatAgo(last_seen))}`;
}

/** @param {Device} device */
function detailsOf({ online, ip, address, version, rssi_dbm: signal, heap_free_bytes: heap }) {
  /** @type {Child[]} */
  const parts = [];
  if (ip || address) parts.push(bdi(ip || address));
  if (version) parts.push(bdi(`v${version.replace(/^v/, "")}`));
  if (online && signal !== null) parts.push(h("span", { title: t("signal") }, formatValue(signal, "dBm")));
  if (online && heap !== null) parts.push(h("span", { title: t("heap") }, t("free", formatBytes(heap))));
  return parts.flatMap((part, at) => (at ? [" · ", part] : [part]));
}

/** @param {Device} device */
function valuesOf({ values, telemetry }) {
  const shown = Object.entries(values).slice(0, VALUES_SHOWN);
  const items = shown.map(([name, { value }]) => {
    const text = formatValue(value, own(telemetry, name)?.unit);
    const tag = typeof value === "string" ? "bdi" : "span";
    return h("div", {}, h("dt", {}, bdi(own(telemetry, name)?.title || name)), h("dd", {}, h(tag, {}, text)));
  });
  return h("dl", { class: "values" }, items);
}
