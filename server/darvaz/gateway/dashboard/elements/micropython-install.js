// Installs MicroPython from the browser: on a Pico by the drive of its bootloader, on an ESP32-CAM by the loader in its
// ROM. It ends with the port of the board, where a flash goes on.

import { BoardError } from "../lib/board-error.js";
import { BoardPrompt, RASPBERRY_PI } from "../lib/board-prompt.js";
import { fetchImage, loadImage } from "../lib/gateway-image.js";
import { checkImage, IMAGE_BYTES_MAX } from "../lib/micropython-image.js";
import { SerialLine } from "../lib/serial-line.js";
import { language } from "../lib/words.js";
import { copyable } from "./copyable.js";
import { button, h, labelled, row, t } from "./page-parts.js";

/** @import { BoardPort, Progress, SerialPorts } from "../lib/types.js" */

/** @typedef {(key: string | unknown, value?: string) => void} Tell a sentence by its key, or an error */

const LOOK_MS = 500;
const PLATFORM = "import sys\nprint(sys.platform)";
/** @type {Record<string, string>} */
const BOARDS = { RP2040: "pico_w", RP2350: "pico_2_w", ESP32: "esp32cam" };

export class MicropythonInstall {
  /** What a board has if it ends now: "untouched", "partial_…" or "installed". */
  state = "untouched";
  #ports;
  #tell;
  #end = new AbortController();
  #file = h("input", { type: "file", accept: ".uf2,.bin" });
  #bar = h("progress", { max: 1, hidden: true, "aria-label": "MicroPython" });
  #choices = h("div", {});
  #stop = button("flash_stop", () => this.stop());
  element;

  /**
   * @param {SerialPorts} ports
   * @param {Tell} tell
   */
  constructor(ports, tell) {
    this.#ports = ports;
    this.#tell = tell;
    this.#stop.hidden = true;
    const file = labelled("image_file", this.#file);
    this.element = h("div", {}, this.#choices, h("p", {}, this.#bar, " ", this.#stop), file);
  }

  /** Ends it at the next moment at which that can be. */
  stop() {
    this.#end.abort();
  }

  /**
   * Installs, and returns the port of the board; throws a `BoardError` or a `Problem`.
   * @param {BoardPort | null} port which a Pico gets later
   * @returns {Promise<BoardPort>}
   */
  async install(port) {
    this.#end = new AbortController();
    this.state = "untouched";
    this.#stop.hidden = false;
    addEventListener("beforeunload", keepPage);
    try {
      return port ? await this.#onEsp32(port) : await this.#onPico();
    } catch (error) {
      throw this.#end.signal.aborted ? new BoardError("flash_stopped") : error;
    } finally {
      removeEventListener("beforeunload", keepPage);
      this.#stop.hidden = this.#bar.hidden = true;
      this.#choices.replaceChildren();
    }
  }

  /** @param {BoardPort} port */
  async #onEsp32(port) {
    const { EspLoader } = await import("../lib/esp-loader.js");
    const image = await this.#image("ESP32");
    const loader = new EspLoader(new SerialLine(port), this.#report, this.#end.signal);
    try {
      await loader.write(image);
    } finally {
      if (loader.hasBegun) this.state = "partial_esp32cam";
    }
    this.state = "installed";
    return port;
  }

  async #onPico() {
    const restart = () => this.#restartAsDrive();
    if (!("showDirectoryPicker" in window)) return this.#byHand(restart);
    const { chipOf, copyImage } = await import("../lib/pico-drive.js");
    const choose = async () => {
      const folder = await showDirectoryPicker({ id: "pico", mode: "readwrite" }).catch(() => null);
      return folder && { folder, chip: await chipOf(folder) };
    };
    const { folder, chip } = await this.#ask("pico_how", { pico_choose: choose, pico_restart: restart });
    const image = await this.#image(chip);
    this.state = "partial_pico";
    await copyImage(folder, image, this.#report, this.#end.signal);
    this.state = "installed";
    return this.#returned();
  }

  /** @param {() => Promise<null>} restart */
  async #byHand(restart) {
    const is = (/** @type {string} */ chip) => async () => chip;
    const choices = { "Pico W": is("RP2040"), "Pico 2 W": is("RP2350"), pico_restart: restart };
    const chip = await this.#ask("pico_which", choices);
    const url = URL.createObjectURL(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (await this.#image(chip))]));
    const link = h("a", { href: url, download: `${BOARDS[chip]}.uf2` }, t("pico_save"));
    try {
      return await this.#ask("pico_drag", { pico_port: () => this.#port() }, link);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /** Restarts a Pico with MicroPython into its bootloader. */
  async #restartAsDrive() {
    const port = await this.#port();
    if (!port) return null;
    const prompt = new BoardPrompt(port);
    try {
      this.#tell("flash_enters");
      await prompt.open();
      await prompt.enter();
      const platform = (await prompt.exec(PLATFORM)).trim();
      if (platform !== "rp2") throw new BoardError("pico_is_none", platform);
      await prompt.restart("bootloader");
    } finally {
      // A board that stays at its prompt goes on with its program.
      await prompt.restart().catch(() => {});
      await prompt.close();
    }
    this.#tell("pico_restarts");
    return null;
  }

  /** Returns the port of the Pico that restarts now: the one that the page knows, or one that somebody chooses. */
  async #returned() {
    let isOver = false;
    const look = async () => {
      for (;;) {
        const ports = (await this.#ports.getPorts()).filter((port) => port.getInfo?.().usbVendorId === RASPBERRY_PI);
        if (isOver || (ports.length === 1 && (await canOpen(ports[0])))) return ports[0];
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    };
    try {
      return await Promise.race([look(), this.#ask("pico_returns", { pico_port: () => this.#port() })]);
    } finally {
      isOver = true;
    }
  }

  #port() {
    return this.#ports.requestPort().catch(() => null);
  }

  /** @param {string} chip */
  async #image(chip) {
    const board = BOARDS[chip];
    for (;;) {
      const file = this.#file.files?.[0];
      if (file && file.size > IMAGE_BYTES_MAX) throw new BoardError("image_none");
      const data = file ? new Uint8Array(await file.arrayBuffer()) : await this.#fromGateway(board);
      if (data) {
        checkImage(data, chip);
        return data;
      }
      const fetched = async () => {
        this.#tell("image_fetches");
        await fetchImage(board);
        return true;
      };
      const command = copyable(`darvaz firmware --for-browser ${board}`);
      await this.#ask("image_missing", { image_fetch: fetched, image_again: async () => true }, command);
    }
  }

  /** @param {string} board */
  async #fromGateway(board) {
    const found = await loadImage(board, this.#report, this.#end.signal);
    if (found) this.#tell("flash_found", `${found.about.name}, SHA-256 ${found.about.sha256.slice(0, 12)}…`);
    return found?.data;
  }

  /**
   * Shows what can be done, and returns what the first of it gives; what fails or is dismissed may be tried again.
   * @template T
   * @param {string} key of the sentence
   * @param {Record<string, () => Promise<T | null | undefined>>} choices
   * @param {...Node} more
   * @returns {Promise<T>}
   */
  #ask(key, choices, ...more) {
    const { signal } = this.#end;
    this.#tell(key);
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      const buttons = Object.entries(choices).map(([label, act]) =>
        button(label, async () => {
          try {
            const given = await act();
            if (given === null || given === undefined) return;
            this.#choices.replaceChildren();
            resolve(given);
          } catch (error) {
            this.#tell(error);
          }
        }),
      );
      this.#choices.replaceChildren(...more, row(buttons));
    });
  }

  /** @type {Progress} */
  #report = (key, part) => {
    this.#bar.hidden = part === undefined;
    if (part === undefined) return this.#tell(key);
    this.#bar.value = part;
    this.#tell(key, new Intl.NumberFormat(language(), { style: "percent" }).format(part));
  };
}

/** @param {Event} event */
function keepPage(event) {
  event.preventDefault();
}

/** @param {BoardPort} port */
async function canOpen(port) {
  try {
    await port.open({ baudRate: 115_200 });
    await port.close();
    return true;
  } catch {
    return false;
  }
}
