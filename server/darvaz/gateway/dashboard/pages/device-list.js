// The page of all devices: what is wrong first, then the boards as cards or as a table, with filters in the address.

import { cardOf, rowOf, tableHead } from "../elements/device-items.js";
import { fleetFilters } from "../elements/fleet-filters.js";
import { every, follow, formatNumber, h, hint, oncePerFrame, statusLine, store, t } from "../elements/page-parts.js";
import { troubles } from "../elements/troubles.js";
import { Windowed } from "../elements/windowed.js";
import { chosenColumns } from "../lib/columns.js";
import { filterOf, hashOf, problemOf, shownOf } from "../lib/fleet.js";
import { loadScript } from "../lib/load-script.js";

/** @import { Device } from "../lib/types.js" */
/** @import { FleetFilter } from "../lib/fleet.js" */

const REFRESH_MS = 15_000;
// The order of the list changes this often at most: hundreds of boards may connect within a second.
const ORDER_EVERY_MS = 500;

class DeviceList extends HTMLElement {
  /** @type {FleetFilter} */
  #filter = filterOf(location.hash);
  /** @type {Set<string>} ids of devices whose cards are not up to date */
  #changed = new Set();
  /** @type {Set<string>} ids of selected devices */
  #selected = new Set();
  /** @type {Windowed | null} the list that is shown; null before the first drawing */
  #list = null;
  /** Which list is shown: cards or a table, and with boxes or without. */
  #shape = "";
  /** @type {string[]} the ids that are shown, in order */
  #ids = [];
  #orderTimer = 0;
  #isSelecting = false;
  #count = statusLine();
  #troubles = troubles((change) => this.#change(change));
  #filters = fleetFilters(
    (change) => this.#change(change),
    () => this.#toggleSelecting(),
  );
  #body = h("div", { class: "fleet" });
  /** @type {ReturnType<typeof import("../elements/batch-bar.js").batchBar> | null} null before boards are selected */
  #batch = null;
  #noneFound = h("p", { class: "empty", hidden: true }, t("none_found"));
  #empty = emptyNote();
  #updateSoon = oncePerFrame(() => this.#update());

  connectedCallback() {
    const head = h("div", { class: "row page-head" }, h("h1", {}, t("devices")), this.#count);
    const parts = [this.#troubles.element, this.#filters.element, this.#body, this.#noneFound];
    this.replaceChildren(head, this.#empty, ...parts);
    follow(this, "devices", () => this.#orderSoon());
    follow(this, "device", (id) => this.#onDevice(id));
    follow(this, "telemetry", ({ id }) => this.#markChanged([id]));
    every(this, REFRESH_MS, () => this.#onTime());
    this.#draw();
  }

  disconnectedCallback() {
    clearTimeout(this.#orderTimer);
    this.#list?.close();
  }

  /** @param {string} id */
  #onDevice(id) {
    this.#markChanged([id]);
    this.#orderSoon();
  }

  #onTime() {
    this.#markChanged(this.#list?.items.keys() ?? []);
    this.#orderSoon();
  }

  /** @param {Iterable<string>} ids */
  #markChanged(ids) {
    for (const id of ids) this.#changed.add(id);
    this.#updateSoon();
  }

  #orderSoon() {
    if (this.#orderTimer) return;
    this.#orderTimer = setTimeout(
      () => {
        this.#orderTimer = 0;
        this.#draw();
      },
      this.#list ? ORDER_EVERY_MS : 0,
    );
  }

  /** @param {Partial<FleetFilter>} change */
  #change(change) {
    this.#filter = { ...this.#filter, ...change };
    // Not a step of its own on the way back, but in every link to this page.
    history.replaceState(null, "", hashOf(this.#filter));
    this.#draw();
  }

  async #toggleSelecting() {
    this.#isSelecting = !this.#isSelecting;
    if (!this.#isSelecting) this.#selected.clear();
    this.#draw();
    if (this.#batch) return;
    const { batchBar } = await loadScript(() => import("../elements/batch-bar.js"));
    this.#batch ??= batchBar(
      () => this.#selectedDevices(),
      (all) => this.#select(all),
    );
    this.append(this.#batch.element);
    this.#drawBatch();
  }

  #drawBatch() {
    if (!this.#batch) return;
    this.#batch.element.hidden = !this.#isSelecting;
    this.#batch.draw();
  }

  /** @param {boolean} isAll all that are shown, or none */
  #select(isAll) {
    this.#selected = new Set(isAll ? this.#ids : []);
    for (const [id, item] of this.#list?.items ?? []) tick(item, this.#selected.has(id));
    this.#drawBatch();
  }

  #selectedDevices() {
    return [...this.#selected].flatMap((id) => store.devices.get(id) ?? []);
  }

  #draw() {
    const devices = [...store.devices.values()];
    const shown = shownOf(devices, this.#filter);
    this.#ids = shown.map(({ id }) => id);
    this.#drawList();
    this.#list?.show(this.#ids);
    const isEmpty = !devices.length;
    this.#empty.hidden = !isEmpty;
    this.#filters.element.hidden = this.#body.hidden = isEmpty;
    this.#count.hidden = isEmpty || !store.isWhole;
    this.#filters.draw(this.#filter, devices, this.#isSelecting);
    this.#noneFound.hidden = this.#count.hidden || shown.length > 0;
    this.#drawBatch();
    this.#showState();
    this.#updateSoon();
  }

  #drawList() {
    const isTable = this.#filter.view === "table";
    const shape = `${isTable ? `${this.#filter.sort || "table"}${chosenColumns()}` : ""}${this.#isSelecting}`;
    if (this.#list && shape === this.#shape) return;
    this.#shape = shape;
    this.#list?.close();
    const select = this.#isSelecting ? (/** @type {string} */ id) => this.#selectBox(id) : null;
    const make = (/** @type {string} */ id) => {
      const device = /** @type {Device} */ (store.devices.get(id));
      return isTable ? rowOf(device, select) : cardOf(device, select);
    };
    const parent = isTable ? () => h("tbody", {}) : () => h("ul", { class: "cards", "aria-label": t("devices") });
    const sort = (/** @type {string} */ column) => this.#change({ sort: nextSort(this.#filter.sort, column) });
    const container = isTable
      ? h("table", { class: "boards" }, tableHead(this.#filter.sort, sort, this.#isSelecting))
      : h("div", {});
    const around = isTable
      ? h("div", { class: "wide panel", tabindex: 0, role: "region", "aria-label": t("devices") }, container)
      : container;
    this.#body.replaceChildren(around);
    this.#list = new Windowed(container, parent, make);
  }

  /** @param {string} id */
  #selectBox(id) {
    const box = h("input", {
      type: "checkbox",
      class: "select",
      checked: this.#selected.has(id),
      "aria-label": `${t("select")} ${id}`,
      onchange: () => {
        if (box.checked) this.#selected.add(id);
        else this.#selected.delete(id);
        this.#drawBatch();
      },
    });
    return box;
  }

  #update() {
    for (const id of this.#changed) {
      const item = this.#list?.items.get(id);
      const device = store.devices.get(id);
      if (item && device) /** @type {any} */ (item).fill(device);
    }
    this.#changed.clear();
  }

  #showState() {
    const devices = [...store.devices.values()];
    const online = devices.filter((device) => device.online).length;
    const parts = [t("count_online", formatNumber(online)), t("count_all", formatNumber(devices.length))];
    if (this.#ids.length !== devices.length) parts.unshift(t("count_shown", formatNumber(this.#ids.length)));
    this.#count.textContent = parts.join(" · ");
    this.#troubles.draw(devices);
    const wrong = devices.filter((device) => problemOf(device)).length;
    document.title = `${wrong ? `(${formatNumber(wrong)}) ` : ""}${t("devices")} · Darvaz`;
  }
}

customElements.define("device-list", DeviceList);

/** @type {(item: HTMLElement, is: boolean) => void} */
function tick(item, is) {
  const box = /** @type {HTMLInputElement | null} */ (item.querySelector("input.select"));
  if (box) box.checked = is;
}

/** @type {(sort: string, column: string) => string} */
function nextSort(sort, column) {
  // Up, down, and then problems first again.
  if (sort === column) return `-${column}`;
  return sort === `-${column}` ? "" : column;
}

function emptyNote() {
  return h(
    "div",
    { class: "empty" },
    h("p", {}, h("strong", {}, t("no_devices"))),
    h("p", {}, h("a", { href: "#/add", class: "button" }, t("add")), " ", t("no_devices_hint")),
    hint("simulate_hint"),
    h("pre", { dir: "ltr" }, "make simulate"),
  );
}
