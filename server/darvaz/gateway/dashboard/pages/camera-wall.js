// The page of all cameras, side by side, at a low frame rate: as many in a row as its address says, or as fit.

import { fullScreenButton } from "../elements/full-screen.js";
import {
  bdi,
  deviceLink,
  follow,
  h,
  labelled,
  nameOf,
  option,
  presence,
  row,
  store,
  t,
} from "../elements/page-parts.js";
import { CHOICES, columnsOf, fittingColumns, wallHashOf } from "../lib/wall.js";
import "../elements/device-camera.js";

/** @import { Device } from "../lib/types.js" */

const FPS = 3;
const KEY = "darvaz.wall-columns";

class CameraWall extends HTMLElement {
  /** The ids of the cameras that are drawn, or null before the first drawing. */
  #drawn = /** @type {string | null} */ (null);
  #columns = columnsOf(location.hash, localStorage.getItem(KEY));
  #isFull = false;
  /** @type {Map<string, HTMLElement>} the marks of cameras that are online or offline */
  #marks = new Map();
  /** @type {HTMLSelectElement} */
  #choice = h(
    "select",
    { onchange: () => this.#choose(Number(this.#choice.value)) },
    CHOICES.map((columns) => option(columns, t(`wall_${columns}`))),
  );
  #list = h("ul", { class: "wall" });
  #screen = h("section", { class: "wall-screen", "aria-label": t("cameras") }, this.#list);
  #observer = new ResizeObserver(() => this.#arrange());

  connectedCallback() {
    this.#choice.value = String(this.#columns);
    follow(this, "devices", () => this.#draw());
    follow(this, "device", (id) => this.#mark(id));
    this.#observer.observe(this.#screen);
    this.#draw();
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  #draw() {
    const cameras = [...store.devices.values()].filter((device) => device.sends_frames);
    const ids = cameras.map((device) => device.id).join("\n");
    // Drawing again would interrupt every picture.
    if (this.#drawn === ids) return;
    const isFirst = !this.#drawn;
    this.#drawn = ids;
    this.#marks.clear();
    this.#list.replaceChildren(...cameras.map((device) => this.#itemOf(device)));
    this.#arrange();
    if (!isFirst && cameras.length) return;
    const onchange = (/** @type {boolean} */ isFull) => {
      this.#isFull = isFull;
      this.#arrange();
    };
    const tools = row(labelled("wall_layout", this.#choice), fullScreenButton(this.#screen, { onchange }));
    tools.classList.add("tools");
    const head = h("div", { class: "row page-head" }, h("h1", {}, t("cameras")), cameras.length > 0 && tools);
    this.replaceChildren(head, cameras.length ? this.#screen : h("p", { class: "empty" }, t("no_cameras")));
  }

  /** @param {Device} device */
  #itemOf(device) {
    const title = h("h2", {}, deviceLink(device, bdi(nameOf(device))));
    const mark = h("span", {}, presence(device));
    this.#marks.set(device.id, mark);
    return h("li", {}, row(title, mark), h("device-camera", { device: device.id, fps: FPS, small: true }));
  }

  /** @param {string} id */
  #mark(id) {
    const device = store.devices.get(id);
    if (device) this.#marks.get(id)?.replaceChildren(presence(device));
  }

  /** @param {number} columns */
  #choose(columns) {
    this.#columns = columns;
    localStorage.setItem(KEY, String(columns));
    history.replaceState(null, "", wallHashOf(columns));
    this.#arrange();
  }

  // On the whole screen every picture is seen, without scrolling.
  #arrange() {
    const count = this.#list.childElementCount;
    const { clientWidth: width, clientHeight: height } = this.#screen;
    const columns = this.#columns || (this.#isFull ? fittingColumns(count, width, height) : 0);
    this.#list.classList.toggle("fixed", columns > 0);
    this.#list.style.setProperty("--columns", String(columns));
    this.#list.style.setProperty("--rows", String(Math.ceil(count / (columns || 1))));
  }
}

customElements.define("camera-wall", CameraWall);
