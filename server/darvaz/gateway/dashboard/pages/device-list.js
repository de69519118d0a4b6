// All devices at a glance: who is here, how good the signal is, and the newest values of each.

import { bdi, h, onceAFrame } from "../lib/dom.js";
import { ago, bytes, measured, number, span } from "../lib/format.js";
import { follow, nameOf, store } from "../lib/store.js";
import { t } from "../lib/words.js";

const VALUES_SHOWN = 4;
const SEARCH_FROM = 7;
const TICK_MS = 15_000;

class DeviceList extends HTMLElement {
  #cards = new Map();
  #changed = new Set();
  #wanted = "";

  // The search box is made once: what somebody types survives every device that comes.
  connectedCallback() {
    this.count = h("p", { class: "quiet" });
    this.list = h("ul", { class: "cards", "aria-label": t("devices") });
    this.none = h("p", { hidden: true }, t("none_found"));
    this.empty = empty();
    const search = h("input", { type: "search", oninput: (event) => this.#search(event.target.value) });
    this.box = h("label", { class: "search" }, h("span", {}, t("search")), search);
    this.replaceChildren(h("div", { class: "row" }, h("h1", {}, t("devices")), this.count, this.box), this.empty, this.list, this.none);
    this.#listen();
    this.#draw();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  #listen() {
    const update = onceAFrame(() => this.#update());
    const touch = (id) => {
      this.#changed.add(id);
      update();
    };
    follow(this, "devices", onceAFrame(() => this.#draw()));
    follow(this, "device", touch);
    follow(this, "telemetry", ({ id }) => touch(id));
    this.timer = setInterval(() => this.#everything(update), TICK_MS);
  }

  #everything(update) {
    for (const id of this.#cards.keys()) this.#changed.add(id);
    update();
  }

  #draw() {
    const devices = [...store.devices.values()].sort(byPresence);
    const focused = [...this.#cards].find(([, element]) => element.contains(document.activeElement))?.[0];
    this.#cards = new Map(devices.map((device) => [device.id, card(device)]));
    this.list.replaceChildren(...this.#cards.values());
    this.#cards.get(focused)?.querySelector("a").focus();
    this.empty.hidden = devices.length > 0;
    this.count.hidden = this.list.hidden = !devices.length;
    this.box.hidden = devices.length < SEARCH_FROM;
    this.#tally();
    this.#search(this.#wanted);
  }

  #update() {
    for (const id of this.#changed) {
      const device = store.devices.get(id);
      if (device && this.#cards.has(id)) fill(this.#cards.get(id), device);
    }
    this.#changed.clear();
    this.#tally();
  }

  #tally() {
    const online = [...store.devices.values()].filter((device) => device.online).length;
    this.count.textContent = `${t("count_online", number(online))} · ${t("count_all", number(store.devices.size))}`;
  }

  #search(text) {
    this.#wanted = text;
    const wanted = text.trim().toLowerCase();
    let shown = 0;
    for (const [id, element] of this.#cards) {
      const device = store.devices.get(id);
      element.hidden = !`${id} ${device?.label ?? ""} ${device?.kind}`.toLowerCase().includes(wanted);
      shown += element.hidden ? 0 : 1;
    }
    this.none.hidden = shown > 0 || !this.#cards.size;
  }
}

customElements.define("device-list", DeviceList);

const byPresence = (a, b) => b.online - a.online || nameOf(a).localeCompare(nameOf(b));

function empty() {
  return h("div", { class: "empty" },
    h("p", {}, h("strong", {}, t("no_devices"))),
    h("p", {}, h("a", { href: "#/add", class: "button" }, t("add")), " ", t("no_devices_hint")),
    h("p", { class: "quiet" }, t("simulate_hint")),
    h("pre", { dir: "ltr" }, "make simulate"));
}

function card(device) {
  const element = h("li", { class: "card" });
  fill(element, device);
  return element;
}

function fill(element, device) {
  element.classList.toggle("away", !device.online);
  const link = h("a", { href: `#/device/${encodeURIComponent(device.id)}` }, bdi(nameOf(device)));
  const values = Object.entries(device.values).slice(0, VALUES_SHOWN);
  // The focus stays where it is while numbers change.
  const hadFocus = element.contains(document.activeElement);
  element.replaceChildren(
    h("div", { class: "row" }, h("h2", {}, link), presence(device)),
    h("p", { class: "quiet" }, facts(device)),
    h("p", { class: "quiet small" }, details(device)),
    h("dl", { class: "values" }, values.map(([name, { value }]) => h("div", {},
      h("dt", {}, bdi(device.telemetry[name]?.title || name)), h("dd", {}, h(typeof value === "string" ? "bdi" : "span", {}, measured(value, device.telemetry[name]?.unit)))))),
  );
  if (hadFocus) link.focus();
}

/** Returns how a device is, by word and colour. */
export function presence(device) {
  return h("span", { class: `presence ${device.online ? "online" : "offline"}` }, t(device.online ? "online" : "offline"));
}

function facts(device) {
  const said = [t(`kind_${device.kind}`), device.online ? t("since", span(Date.now() / 1000 - device.since)) : t("last_seen", ago(device.last_seen))];
  return said.join(" · ");
}

function details(device) {
  const { ip, address, version, rssi_dbm: signal, heap_free_bytes: heap } = device;
  const said = [(ip || address) && bdi(ip || address), version && bdi(`v${version.replace(/^v/, "")}`)];
  if (device.online && signal !== null) said.push(h("span", { title: t("signal") }, measured(signal, "dBm")));
  if (device.online && heap !== null) said.push(h("span", { title: t("heap") }, t("free", bytes(heap))));
  return said.filter(Boolean).flatMap((part, at) => (at ? [" · ", part] : [part]));
}
