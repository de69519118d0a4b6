// The page of all cameras, side by side, at a low frame rate.

import { bdi, deviceLink, follow, h, nameOf, presence, row, store, t } from "../elements/page-parts.js";
import "../elements/device-camera.js";

/** @import { Device } from "../lib/types.js" */

const FPS = 3;

class CameraWall extends HTMLElement {
  /** The ids of the cameras that are drawn, or null before the first drawing. */
  #drawn = /** @type {string | null} */ (null);

  connectedCallback() {
    follow(this, "devices", () => this.#draw());
    this.#draw();
  }

  #draw() {
    const cameras = [...store.devices.values()].filter((device) => device.sends_frames);
    const ids = cameras.map((device) => device.id).join("\n");
    // Drawing again would interrupt every picture.
    if (this.#drawn === ids) return;
    this.#drawn = ids;
    const wall = h("ul", { class: "wall" }, cameras.map(itemOf));
    const none = h("p", { class: "empty" }, t("no_cameras"));
    this.replaceChildren(h("h1", {}, t("cameras")), cameras.length ? wall : none);
  }
}

customElements.define("camera-wall", CameraWall);

/** @param {Device} device */
function itemOf(device) {
  const title = h("h2", {}, deviceLink(device, bdi(nameOf(device))));
  const camera = h("device-camera", { device: device.id, fps: FPS, small: true });
  return h("li", {}, row(title, presence(device)), camera);
}
