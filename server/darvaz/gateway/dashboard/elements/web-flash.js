// Flashes a board from the browser, where Web Serial is: asks for its Wi-Fi, and shows what happens. What it needs for
// that is loaded once it is used: few people do so.

import { boardAddress } from "../lib/addresses.js";
import {
  announce,
  failureText,
  formOf,
  h,
  hint,
  labelled,
  nowS,
  pathOf,
  request,
  select,
  t,
  visible,
} from "./page-parts.js";
import "../lib/words-flash.js";

/** @import { BoardError } from "../lib/board-error.js" */
/** @import { BoardPrompt } from "../lib/board-prompt.js" */
/** @import { BoardPort, SerialPorts } from "../lib/types.js" */
/** @import { MicropythonInstall } from "./micropython-install.js" */

const ONLINE_MS = 60_000;
const LOOK_MS = 1_000;
const OUTPUT_CHARS_MAX = 8_000;

class WebFlash extends HTMLElement {
  #device = field("device", { placeholder: t("flash_device_hint"), maxlength: 64, dir: "auto" });
  #ssid = field("ssid", { required: true, maxlength: 32, dir: "auto" });
  #password = field("password", { type: "password", minlength: 8, maxlength: 64 });
  #gateway = field("gateway", { required: true, dir: "ltr" });
  #micropython = select(["keep", "pico", "esp32cam"], "flash_micropython");
  #steps = h("div", {});
  /** What installs MicroPython; null where it stays as it is. */
  #installing = /** @type {Promise<MicropythonInstall | null>} */ (Promise.resolve(null));
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
    this.#micropython.addEventListener("change", () => this.#chooseInstall());
    const fields = Object.entries(inputs).map(([name, input]) =>
      h("label", {}, h("span", {}, t(`flash_${name}`)), input),
    );
    const form = formOf(() => this.#flash(), ...fields, labelled("MicroPython", this.#micropython), this.#start);
    this.replaceChildren(title, h("p", {}, t("flash_intro")), form, this.#status, this.#steps, this.#output);
    this.#fillAddress();
  }

  async disconnectedCallback() {
    (await this.#installing)?.stop();
  }

  #chooseInstall() {
    const kind = this.#micropython.value;
    const make = async () => {
      if (kind === "keep") return null;
      const { MicropythonInstall } = await import("./micropython-install.js");
      const ports = /** @type {SerialPorts} */ (serialPorts());
      return new MicropythonInstall(ports, (key, value) => this.#tell(key, value));
    };
    this.#installing = make();
    this.#installing.then((install) => this.#steps.replaceChildren(...(install ? [install.element] : [])));
  }

  async #fillAddress() {
    const enrolment = await request("GET", "/api/enrolment").catch(() => null);
    if (!enrolment || this.#gateway.value) return;
    const { address, isComplete } = boardAddress(location, enrolment.address, enrolment.is_public);
    if (isComplete) this.#gateway.value = address;
  }

  async #flash() {
    const { wifiFault } = await import("../lib/flash-plan.js");
    const fault = wifiFault(this.#ssid.value, this.#password.value);
    if (fault) return this.#tell(fault);
    const install = await this.#installing;
    const kind = this.#micropython.value;
    /** @type {BoardPort | null} */
    let port = null;
    try {
      // A Pico shows its port later.
      if (kind !== "pico") port = await /** @type {SerialPorts} */ (serialPorts()).requestPort();
    } catch {
      // Nothing was chosen.
      return;
    }
    this.#start.disabled = this.#micropython.disabled = true;
    this.#output.hidden = true;
    try {
      await this.#flashAt(install ? await install.install(port) : /** @type {BoardPort} */ (port));
    } catch (error) {
      const isNewAndMute = isMute(error, install);
      this.#tell(isNewAndMute ? `flash_mute_${kind}` : error);
      if (install && !isNewAndMute) this.#status.append(` ${t(`flash_${install.state}`)}`);
      if (!this.isConnected) announce(String(this.#status.textContent));
    }
    this.#start.disabled = this.#micropython.disabled = false;
    if (install?.state === "installed") {
      this.#micropython.value = "keep";
      this.#chooseInstall();
    }
  }

  /** @param {BoardPort} port */
  async #flashAt(port) {
    const { BoardPrompt } = await import("../lib/board-prompt.js");
    const prompt = new BoardPrompt(port);
    try {
      await this.#flashBy(prompt);
    } catch (error) {
      // The program that it had goes on.
      await prompt.restart().catch(() => {});
      throw error;
    } finally {
      await prompt.close();
    }
  }

  /** @param {BoardPrompt} prompt */
  async #flashBy(prompt) {
    const { flashBoard, settleTokens } = await import("../lib/browser-flash.js");
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

  /**
   * Shows a sentence by its key, or an error.
   * @param {unknown} what
   * @param {string} [value]
   */
  #tell(what, value = "") {
    const isError = typeof what !== "string";
    const { message, value: about } = /** @type {BoardError} */ (isError ? what : { message: what, value });
    const text = visible(about === undefined ? failureText(what) : t(message, about));
    this.#status.classList.toggle("failed", isError);
    // A screen reader would read the same again.
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }
}

customElements.define("web-flash", WebFlash);

/** @returns {SerialPorts | undefined} */
function serialPorts() {
  // Only where the page is protected: at localhost, or by HTTPS.
  return isSecureContext ? /** @type {any} */ (navigator).serial : undefined;
}

/**
 * Whether a board gives no prompt though it has a new MicroPython.
 * @type {(error: unknown, install: MicropythonInstall | null) => boolean}
 */
function isMute(error, install) {
  return install?.state === "installed" && /** @type {Error} */ (error).message === "flash_no_prompt";
}

/** @type {(name: string, more: Record<string, any>) => HTMLInputElement} */
function field(name, more) {
  return h("input", { name, autocomplete: "off", spellcheck: "false", ...more });
}
