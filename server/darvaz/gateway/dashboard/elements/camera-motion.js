// Whether the gateway looks for motion before a camera, and how much of the picture must change.

import { numberOf } from "../lib/alert-text.js";
import {
  attempt,
  DevicePart,
  failureLine,
  formatNumber,
  h,
  hint,
  labelled,
  pathOf,
  request,
  row,
  t,
} from "./page-parts.js";

class CameraMotion extends DevicePart {
  #isOn = h("input", { type: "checkbox", onchange: () => this.#save() });
  #percent = h("input", { inputmode: "decimal", size: 4, maxlength: 6, onchange: () => this.#save() });
  #percentLabel = labelled("motion_percent", this.#percent);
  #status = failureLine();

  connectedCallback() {
    attempt(this.#status, async () => {
      const { motion } = await request("GET", pathOf(this.device, "camera"));
      this.#show(motion);
      const label = h("label", {}, this.#isOn, h("span", {}, t("motion_on")));
      this.replaceChildren(row(label, this.#percentLabel), hint("motion_hint"), this.#status);
    });
  }

  /** @param {{is_on: boolean, percent: number}} motion */
  #show({ is_on, percent }) {
    this.#isOn.checked = is_on;
    this.#percent.value = formatNumber(percent);
    this.#percentLabel.hidden = !is_on;
  }

  async #save() {
    this.#status.textContent = "";
    const wanted = { is_on: this.#isOn.checked, percent: numberOf(this.#percent.value) };
    const isDone = await attempt(this.#status, async () => {
      this.#show(await request("PUT", pathOf(this.device, "camera", "motion"), wanted));
    });
    if (!isDone) this.#isOn.checked = !this.#percentLabel.hidden;
  }
}

customElements.define("camera-motion", CameraMotion);
