// The page of one device: camera, controls, telemetry, log, facts, journal.

import {
  announce,
  attempt,
  bdi,
  button,
  DevicePart,
  every,
  follow,
  formatBytes,
  formatDuration,
  formatValue,
  formOf,
  h,
  icon,
  isConfirmed,
  known,
  labelled,
  nameOf,
  nowS,
  panel,
  pathOf,
  presence,
  request,
  store,
  t,
  textInput,
  timeElement,
  visible,
} from "../elements/page-parts.js";
import "../elements/camera-motion.js";
import "../elements/camera-picture.js";
import "../elements/camera-timeline.js";
import "../elements/device-camera.js";
import "../elements/device-controls.js";
import "../elements/device-crashes.js";
import "../elements/device-journal.js";
import "../elements/device-log.js";
import "../elements/device-plots.js";
import "../elements/device-words.js";
import "../elements/device-visibility.js";
import "../elements/device-prompt.js";
import "../elements/device-release.js";
import { endOf } from "../lib/fleet.js";
import "../lib/words-device.js";

/** @import { Child, Device, Protection } from "../lib/types.js" */

const REFRESH_MS = 15_000;
const LINK_ICONS = { encrypted: "lock", token_protected: "key", open: "unlocked" };

class DevicePage extends DevicePart {
  /** What the title of the window names; "" while there is no such device. */
  heading = "";
  #isDrawn = false;
  /** Whether the device was online at the last refresh; null before the first. */
  #wasOnline = /** @type {boolean | null} */ (null);
  #head = h("div", { class: "row head" });
  #facts = h("dl", { class: "facts" });

  connectedCallback() {
    follow(this, "device", (id) => id === this.device && this.#refresh());
    follow(this, "devices", () => this.#draw());
    every(this, REFRESH_MS, () => this.#refresh());
    this.#draw();
  }

  #draw() {
    const device = this.known;
    if (!device) {
      this.#isDrawn = false;
      this.replaceChildren(h("p", {}, t("gone")), h("a", { href: "#/" }, t("to_devices")));
      return;
    }
    if (!this.#isDrawn) {
      this.#isDrawn = true;
      this.heading = nameOf(device);
      this.replaceChildren(...this.#content(device));
    }
    this.#refresh();
  }

  /** @param {Device} device */
  #content(device) {
    const part = (/** @type {string} */ tag) => h(tag, { device: device.id });
    const main = [section("controls", part("device-controls")), section("telemetry", part("device-plots"))];
    if (device.sends_frames) {
      const motion = store.mayChange && part("camera-motion");
      main.unshift(section("camera", part("device-camera"), part("camera-picture"), part("camera-timeline"), motion));
    }
    const crashes = section("crashes", part("device-crashes"));
    // Until there is one: most boards have none.
    crashes.hidden = true;
    const release = section("program", part("device-release"));
    // Until the board says that it can take one.
    release.hidden = true;
    const side = [release, section("log", part("device-log")), crashes, section("about", this.#facts)];
    if (store.mayChange) side.push(section("manage", manage(device), part("device-visibility")));
    return [
      h("p", {}, h("a", { href: "#/" }, t("to_devices"))),
      this.#head,
      h("div", { class: "columns" }, h("div", {}, main), h("div", {}, side)),
      ...(store.mayChange ? [panel(part("device-prompt"))] : []),
      h("section", { class: "panel", hidden: !store.mayChange }, part("device-words")),
      panel(part("device-journal")),
    ];
  }

  #refresh() {
    const device = this.known;
    if (!device || !this.#isDrawn) return;
    const { online } = device;
    const name = nameOf(device);
    const isChanged = this.#wasOnline !== null && this.#wasOnline !== online;
    if (isChanged) announce(`${name}: ${t(online ? "online" : "offline")}`);
    this.#wasOnline = online;
    document.title = `${visible(name)} · Darvaz`;
    this.#head.replaceChildren(h("h1", {}, bdi(name)), presence(device));
    if (device.label) this.#head.append(bdi(device.id, { class: "quiet" }));
    const facts = factsOf(device).filter(([, value]) => value);
    this.#facts.replaceChildren(...facts.map(([key, value]) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, value))));
  }
}

customElements.define("device-page", DevicePage);

/** @type {(title: string, ...content: Child[]) => HTMLElement} */
function section(title, ...content) {
  const id = `title-${title}`;
  return h("section", { class: "panel", "aria-labelledby": id }, h("h2", { id }, t(title)), content);
}

/**
 * Returns what is known of a device, each with the key of its title; those without a value are not shown.
 * @param {Device} device
 * @returns {[key: string, value: Child][]}
 */
function factsOf(device) {
  const { online, board, version, ip, address, rssi_dbm: signal, heap_free_bytes: heap, uptime_s, since } = device;
  const connectedS = nowS() - (since ?? 0);
  return [
    ["seen", !online && [timeElement(device.last_seen), ` · ${t(`end_${endOf(device)}`)}`]],
    ["groups", device.groups.length > 0 && bdi(device.groups.join(", "))],
    ["kind", t(`kind_${device.kind}`)],
    ["board", board && bdi(board)],
    ["firmware", version && bdi(version)],
    ["address", (ip || address) && bdi(ip || address)],
    ["link", online && device.protection && linkOf(device.protection)],
    ["signal", online && signal !== null && formatValue(signal, "dBm")],
    ["heap", online && heap !== null && formatBytes(heap)],
    // The board reports its uptime only now and then; it is at least as long as the connection.
    ["uptime", online && uptime_s !== null && formatDuration(Math.max(uptime_s, connectedS))],
    ["reset_cause", device.reset_cause && bdi(known(`why_${device.reset_cause}`, device.reset_cause))],
    ["first_seen", timeElement(device.first_seen)],
  ];
}

/** @type {(protection: Protection) => Child[]} */
function linkOf(protection) {
  return [icon(LINK_ICONS[protection]), ` ${t(`link_${protection}`)}`];
}

/** @param {Device} device */
function manage(device) {
  const name = textInput(64, { value: device.label ?? "" });
  const groups = textInput(undefined, { value: device.groups.join(", "), title: t("groups_hint") });
  const status = h("output", {});
  const change = (/** @type {() => Promise<string>} */ make) =>
    attempt(status, async () => {
      status.textContent = await make();
    });
  const rename = async () => {
    const names = groups.value.split(/[,،]/).flatMap((part) => part.trim() || []);
    await request("PATCH", pathOf(device.id), { label: name.value.trim() || null, groups: names });
    return t("saved");
  };
  const forget = async () => {
    if (!(await isConfirmed(t("forget_sure", nameOf(device)), t("forget")))) return "";
    await request("DELETE", pathOf(device.id));
    location.hash = "#/";
    return "";
  };
  const label = labelled("rename", name);
  const groupsLabel = labelled("groups", groups);
  const forgetButton = button("forget", () => change(forget), "danger");
  const alert = h("a", { href: `#/alerts/${encodeURIComponent(device.id)}` }, t("alert_for"));
  return [
    formOf(() => change(rename), label, groupsLabel, h("button", {}, t("save")), status),
    h("p", {}, alert),
    h("p", {}, forgetButton),
  ];
}
