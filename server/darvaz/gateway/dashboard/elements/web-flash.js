// Flashes a board from the browser, where Web Serial is: asks for its Wi-Fi, and shows what happens. What it needs for
// that is loaded once a port is chosen: few people do so.

import { boardAddress } from "../lib/addresses.js";
import { announce, failureText, formOf, h, hint, nowS, pathOf, request, t, visible } from "./page-parts.js";
import "../lib/words-flash.js";

/** @import { BoardError, BoardPrompt } from "../lib/board-prompt.js" */
/** @import { BoardPort, SerialPorts } from "../lib/types.js" */

const ONLINE_MS = 60_000;
const LOOK_MS = 1_000;
const OUTPUT_CHARS_MAX = 8_000;

class WebFlash extends HTMLElement {
  #device = field("device", { placeholder: t("flash_device_hint"), maxlength: 64, dir: "auto" });
  #ssid = field("ssid", { required: true, maxlength: 32, dir: "auto" });
  #password = field("password", { type: "password", minlength: 8, maxlength: 64 });
  #gateway = field("gateway", { required: true, dir: "ltr" });
  #start = h("button", {}, t("flash_start"));
  #status = h("p", { role: "status" });
  #output = h("pre", { hidden: true, dir: "ltr" });

  connectedCallback() {
    const title = h("h2", {}, t("flash_title"));
    if (!serialPorts()) {
      this.replaceChildren(title, hint("flash_where"));
      return;
    }
    const inputs = { device: this.#device, ssid: this.#ssid, password: this.#password, gateway: this.#gateway };
    const fields = Object.entries(inputs).map(([name, input]) =>
      h("label", {}, h("span", {}, t(`flash_${name}`)), input),
    );
    const form = formOf(() => this.#flash(), ...fields, this.#start);
    this.replaceChildren(title, h("p", {}, t("flash_intro")), form, this.#status, this.#output);
    this.#fillAddress();
  }

  async #fillAddress() {
    const enrolment = await request("GET", "/api/enrolment").catch(() => null);
    if (!enrolment || this.#gateway.value) return;
    const { address, isComplete } = boardAddress(location, enrolment.address, enrolment.is_public);
    if (isComplete) this.#gateway.value = address;
  }

  async #flash() {
    /** @type {BoardPort} */
    let port;
    try {
      port = await /** @type {SerialPorts} */ (serialPorts()).requestPort();
    } catch {
      // Nothing was chosen.
      return;
    }
    this.#start.disabled = true;
    this.#output.hidden = true;
    const { BoardPrompt } = await import("../lib/board-prompt.js");
    const prompt = new BoardPrompt(port);
    try {
      await this.#flashAt(prompt);
    } catch (error) {
      this.#tellError(error);
      // The program that it had goes on.
      await prompt.restart().catch(() => {});
    } finally {
      await prompt.close();
      this.#start.disabled = false;
    }
  }

  /** @param {BoardPrompt} prompt */
  async #flashAt(prompt) {
    const { flashBoard, settleTokens, wifiFault } = await import("../lib/browser-flash.js");
    const fault = wifiFault(this.#ssid.value, this.#password.value);
    if (fault) return this.#tell(fault);
    await prompt.open();
    this.#tell("flash_enters");
    await prompt.enter();
    const beginS = nowS();
    const choices = {
      device: this.#device.value.trim(),
      ssid: this.#ssid.value,
      password: this.#password.value,
      gateway: this.#gateway.value.trim(),
    };
    const flashed = await flashBoard(prompt, choices, (key, value) => this.#tell(key, value));
    if (await this.#cameOnline(flashed.device, beginS, prompt)) {
      this.#password.value = "";
      this.#output.hidden = true;
      this.#tell("flash_online", flashed.device);
      announce(t("flash_online", flashed.device));
      await settleTokens(flashed);
    } else this.#tell("flash_not_online", flashed.device);
  }

  /** @type {(device: string, beginS: number, prompt: BoardPrompt) => Promise<boolean>} */
  async #cameOnline(device, beginS, prompt) {
    const endMs = performance.now() + ONLINE_MS;
    while (performance.now() < endMs && this.isConnected) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      this.#show(prompt.takeOutput());
      const found = await request("GET", pathOf(device)).catch(() => null);
      if (found?.online && found.since >= beginS) return true;
    }
    return false;
  }

  /** @param {string} text what the board prints */
  #show(text) {
    if (!text) return;
    this.#output.hidden = false;
    this.#output.textContent = visible(this.#output.textContent + text).slice(-OUTPUT_CHARS_MAX);
  }

  /** @type {(key: string, value?: string) => void} */
  #tell(key, value = "") {
    this.#status.classList.remove("failed");
    this.#status.textContent = visible(t(key, value));
  }

  /** @param {unknown} error */
  #tellError(error) {
    const { message, value } = /** @type {BoardError} */ (error);
    if (value !== undefined) this.#tell(message, value);
    else this.#status.textContent = failureText(error);
    this.#status.classList.add("failed");
  }
}

customElements.define("web-flash", WebFlash);

/** @returns {SerialPorts | undefined} */
function serialPorts() {
  // Only where the page is protected: at localhost, or by HTTPS.
  return isSecureContext ? /** @type {any} */ (navigator).serial : undefined;
}

/** @type {(name: string, more: Record<string, any>) => HTMLInputElement} */
function field(name, more) {
  return h("input", { name, autocomplete: "off", spellcheck: "false", ...more });
}
