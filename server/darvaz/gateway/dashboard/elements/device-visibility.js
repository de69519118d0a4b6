// Which other systems a board is shown to: a switch for each, which works at once.

import { pathOf, reasonOf, request } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { store } from "../lib/store.js";
import { t } from "../lib/words.js";

/** @import { System } from "../lib/types.js" */

// Each with the setting that turns it on for all boards; metrics are always on.
const SYSTEMS = /** @type {const} */ ([
  ["home_assistant", "home_assistant"],
  ["mqtt", "mqtt_url"],
  ["metrics", ""],
]);

class DeviceVisibility extends HTMLElement {
  #status = h("output", {});
  #inputs = /** @type {Map<System, HTMLInputElement>} */ (new Map());
  #rows = h("div", {});

  connectedCallback() {
    this.replaceChildren(h("p", { class: "quiet" }, t("shown_in")), this.#rows, this.#status);
    this.#draw();
  }

  async #draw() {
    const settings = await request("GET", "/api/settings").then(
      (answer) => answer.settings,
      () => ({}),
    );
    const hidden = store.devices.get(this.#device)?.hidden_from ?? [];
    this.#rows.replaceChildren();
    for (const [system, setting] of SYSTEMS) {
      const isOn = !setting || Boolean(settings[setting]?.value);
      const onchange = () => this.#change(system);
      const input = h("input", { type: "checkbox", checked: !hidden.includes(system), disabled: !isOn, onchange });
      this.#inputs.set(system, input);
      const hint = isOn ? null : h("span", { class: "quiet" }, t(`shown_off_${system}`));
      this.#rows.append(h("label", { class: "row" }, input, h("span", {}, t(`shown_${system}`)), hint));
    }
  }

  get #device() {
    return this.getAttribute("device") ?? "";
  }

  /** @param {System} system the one that was clicked */
  async #change(system) {
    const hidden = [...this.#inputs].filter(([, input]) => !input.checked).map(([name]) => name);
    try {
      await request("PATCH", pathOf(this.#device), { hidden_from: hidden });
      this.#status.textContent = t("saved");
    } catch (error) {
      const input = this.#inputs.get(system);
      if (input) input.checked = !input.checked;
      this.#status.textContent = t("failed", reasonOf(error));
    }
  }
}

customElements.define("device-visibility", DeviceVisibility);
