// All cameras side by side, a few pictures a second of each.

import { bdi, h } from "../lib/dom.js";
import { follow, nameOf, store } from "../lib/store.js";
import { t } from "../lib/words.js";
import { presence } from "./device-list.js";
import "../elements/device-camera.js";

const FPS = 3;

class CameraWall extends HTMLElement {
  connectedCallback() {
    follow(this, "devices", () => this.#draw());
    this.#draw();
  }

  #draw() {
    const cameras = [...store.devices.values()].filter((device) => device.sends_frames);
    const ids = cameras.map((device) => device.id).join("\n");
    if (this.shown === ids) return;
    this.shown = ids;
    this.replaceChildren(h("h1", {}, t("cameras")), cameras.length
      ? h("ul", { class: "wall" }, cameras.map((device) => h("li", {},
        h("div", { class: "row" }, h("h2", {}, h("a", { href: `#/device/${encodeURIComponent(device.id)}` }, bdi(nameOf(device)))), presence(device)),
        h("device-camera", { device: device.id, fps: FPS, small: true }))))
      : h("p", { class: "empty" }, t("no_cameras")));
  }
}

customElements.define("camera-wall", CameraWall);
