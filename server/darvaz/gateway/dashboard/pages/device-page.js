// One device: its controls, measurements, log, journal, camera, and what there is to know of it.

import { ask, pathOf } from "../lib/api.js";
import { announce, bdi, h, visible } from "../lib/dom.js";
import { bytes, measured, moment, span } from "../lib/format.js";
import { follow, nameOf, store } from "../lib/store.js";
import { t } from "../lib/words.js";
import { presence } from "./device-list.js";
import { confirmed } from "../lib/dialog.js";
import "../elements/device-controls.js";
import "../elements/device-plots.js";
import "../elements/device-log.js";
import "../elements/device-journal.js";
import "../elements/device-camera.js";

const TICK_MS = 15_000;

class DevicePage extends HTMLElement {
  get device() {
    return store.devices.get(this.getAttribute("device"));
  }

  connectedCallback() {
    const id = this.getAttribute("device");
    follow(this, "device", (changed) => changed === id && this.#refresh());
    follow(this, "devices", () => this.#draw());
    this.timer = setInterval(() => this.#refresh(), TICK_MS);
    this.#draw();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  #draw() {
    const { device } = this;
    if (!device) {
      this.drawn = false;
      this.replaceChildren(h("p", {}, t("gone")), h("a", { href: "#/" }, t("to_devices")));
      return;
    }
    if (this.drawn) {
      this.#refresh();
      return;
    }
    this.drawn = true;
    this.heading = nameOf(device);
    this.head = h("div", { class: "row head" });
    this.about = h("dl", { class: "facts" });
    const of = (tag) => h(tag, { device: device.id });
    const camera = device.sends_frames ? section("camera", of("device-camera")) : null;
    this.replaceChildren(
      h("p", {}, h("a", { href: "#/" }, t("to_devices"))), this.head,
      h("div", { class: "columns" },
        h("div", {}, camera, section("controls", of("device-controls")), section("telemetry", of("device-plots"))),
        h("div", {}, section("log", of("device-log")), section("about", this.about), store.mayChange && section("manage", manage(device)))),
      h("section", { class: "panel" }, of("device-journal")),
    );
    this.#refresh();
  }

  #refresh() {
    const { device } = this;
    if (!device || !this.head) return;
    if (this.wasOnline !== undefined && this.wasOnline !== device.online) announce(`${nameOf(device)}: ${t(device.online ? "online" : "offline")}`);
    this.wasOnline = device.online;
    document.title = `${visible(nameOf(device))} · Darvaz`;
    this.head.replaceChildren(h("h1", {}, bdi(nameOf(device))), presence(device));
    if (device.label) this.head.append(bdi(device.id, { class: "quiet" }));
    this.about.replaceChildren(...facts(device).map(([word, value]) => h("div", {}, h("dt", {}, t(word)), h("dd", {}, value))));
  }
}

customElements.define("device-page", DevicePage);

function section(word, ...content) {
  return h("section", { class: "panel", "aria-labelledby": `title-${word}` }, h("h2", { id: `title-${word}` }, t(word)), content);
}

function facts(device) {
  const rows = [
    ["kind", t(`kind_${device.kind}`)],
    ["board", device.board && bdi(device.board)],
    ["firmware", device.version && bdi(device.version)],
    ["address", (device.ip || device.address) && bdi(device.ip || device.address)],
    ["signal", device.online && device.rssi_dbm !== null && measured(device.rssi_dbm, "dBm")],
    ["heap", device.online && device.heap_free_bytes !== null && bytes(device.heap_free_bytes)],
    ["uptime", device.online && device.uptime_s !== null && span(Math.max(device.uptime_s, Date.now() / 1000 - device.since))],
    ["reset_cause", device.reset_cause && bdi(device.reset_cause)],
    ["first_seen", moment(device.first_seen)],
  ];
  if (!device.online) rows.unshift(["seen", moment(device.last_seen)]);
  return rows.filter(([, value]) => value);
}

function manage(device) {
  const name = h("input", { value: device.label ?? "", maxlength: 64, dir: "auto", autocomplete: "off" });
  const status = h("output", {});
  const rename = async (event) => {
    event.preventDefault();
    try {
      await ask("PATCH", pathOf(device.id), { label: name.value.trim() || null });
      status.textContent = t("saved");
    } catch (problem) {
      status.textContent = t("failed", problem.said);
    }
  };
  const forget = async () => {
    if (!(await confirmed(t("forget_sure", nameOf(device)), t("forget")))) return;
    try {
      await ask("DELETE", pathOf(device.id));
      location.hash = "#/";
    } catch (problem) {
      status.textContent = t("failed", problem.said);
    }
  };
  return [
    h("form", { class: "row", onsubmit: rename }, h("label", {}, h("span", {}, t("rename")), name), h("button", {}, t("save")), status),
    h("p", {}, h("button", { type: "button", class: "danger", onclick: forget }, t("forget"))),
  ];
}

