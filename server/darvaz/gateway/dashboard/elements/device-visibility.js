// Which other systems a board is shown to: a switch for each, which works at once, and Home Assistant's for all boards.

import { attempt, DevicePart, h, hint, isConfirmed, pathOf, request, t } from "./page-parts.js";

/** @import { System } from "../lib/types.js" */

// Each with the setting that turns it on for all boards; Home Assistant has a switch here, and metrics are always on.
const SYSTEMS = /** @type {const} */ ([
  ["home_assistant", ""],
  ["mqtt", "mqtt_url"],
  ["metrics", ""],
]);

class DeviceVisibility extends DevicePart {
  #status = h("output", {});
  #inputs = /** @type {Map<System, HTMLInputElement>} */ (new Map());
  #rows = h("div", {});
  #forAll = h("input", { type: "checkbox", onchange: () => this.#changeForAll() });
  #remedy = h("span", { class: "quiet" });

  connectedCallback() {
    const forAll = h("label", { class: "row" }, this.#forAll, h("span", {}, t("home_assistant_for_all")), this.#remedy);
    this.replaceChildren(hint("shown_in"), this.#rows, forAll, this.#status);
    this.#draw();
  }

  async #draw() {
    const empty = () => ({});
    const asked = [
      request("GET", "/api/settings").then((answer) => answer.settings, empty),
      request("GET", "/api/home-assistant").catch(empty),
    ];
    const [settings, home] = await Promise.all(asked);
    this.#forAll.checked = Boolean(home.is_on);
    this.#forAll.disabled = Boolean(home.remedy) && !home.is_on;
    this.#remedy.textContent = this.#forAll.disabled ? t("home_assistant_needs", home.remedy) : "";
    const hidden = this.known?.hidden_from ?? [];
    this.#rows.replaceChildren();
    for (const [system, setting] of SYSTEMS) {
      const isOn = system === "home_assistant" ? this.#forAll.checked : !setting || Boolean(settings[setting]?.value);
      const onchange = () => this.#change(system);
      const input = h("input", { type: "checkbox", checked: !hidden.includes(system), disabled: !isOn, onchange });
      this.#inputs.set(system, input);
      const hint = isOn ? null : h("span", { class: "quiet" }, t(`shown_off_${system}`));
      this.#rows.append(h("label", { class: "row" }, input, h("span", {}, t(`shown_${system}`)), hint));
    }
  }

  async #changeForAll() {
    const isOn = this.#forAll.checked;
    const isDone = await attempt(this.#status, async () => {
      if (isOn && !(await isConfirmed(t("home_assistant_sure"), t("turn_on")))) this.#forAll.checked = false;
      else {
        await request("PUT", "/api/home-assistant", { is_on: isOn });
        this.#status.textContent = t("saved");
      }
      await this.#draw();
    });
    if (!isDone) this.#forAll.checked = !isOn;
  }

  /** @param {System} system the one that was clicked */
  async #change(system) {
    const hidden = [...this.#inputs].filter(([, input]) => !input.checked).map(([name]) => name);
    const isDone = await attempt(this.#status, async () => {
      await request("PATCH", pathOf(this.device), { hidden_from: hidden });
      this.#status.textContent = t("saved");
    });
    const input = this.#inputs.get(system);
    if (!isDone && input) input.checked = !input.checked;
  }
}

customElements.define("device-visibility", DeviceVisibility);
