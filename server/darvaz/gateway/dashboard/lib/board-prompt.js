// A board at its raw prompt, over a serial port of the browser (Web Serial): brings it there, and runs code on it.

import { BoardError } from "./board-error.js";
import { SerialLine } from "./serial-line.js";

// MicroPython reference, "The MicroPython Interactive Interpreter Mode", raw mode.

/** @import { BoardPort } from "./types.js" */

const BAUD = 115_200;
const RAW = "raw REPL; CTRL-B to exit\r\n>";
const DONE = "\n\x04\x04>";
const INTERRUPT_MS = 400;
const FLOOD_MS = 8_000;
const ROUND_MS = 60;
// Many at once: a program that catches one is still handling it when the next arrives, and ends by that.
const BURST = "\x03".repeat(48);
const SYNCHRONISE_MS = 2_000;
const REBOOT_MS = 5_000;
const EXEC_MS = 20_000;
// A UART of a board holds about as much; it has no flow control.
const PIECE_BYTES = 256;
// Boards with USB of their own send nothing before a terminal says that it is there; programmers reset the chip by it.
export const RASPBERRY_PI = 0x2e8a;
const RESTART = "import machine, time\ntime.sleep_ms(100)\nmachine.";

export class BoardPrompt {
  #port;
  #line;
  #isAtPrompt = false;

  /** @param {BoardPort} port */
  constructor(port) {
    this.#port = port;
    this.#line = new SerialLine(port);
  }

  /** Opens the port, and begins to read. */
  async open() {
    await this.#line.open(BAUD);
    await this.#line.signal(this.#port.getInfo?.().usbVendorId === RASPBERRY_PI, false);
  }

  /** Closes the port. */
  async close() {
    await this.#line.close();
  }

  /** Ends the board's program, and restarts its interpreter at the raw prompt. */
  async enter() {
    await this.#write("\r\x03\x03");
    await this.#write("\r\x01");
    if (!((await this.#saw(RAW, INTERRUPT_MS)) && (await this.#synchronise()))) await this.#flood();
    await this.#write("\x04");
    if (!((await this.#saw("soft reboot", REBOOT_MS)) && (await this.#saw(RAW, REBOOT_MS)))) await this.#flood();
    this.#isAtPrompt = true;
  }

  /**
   * Runs code, and returns what it printed.
   * @param {string} code
   * @param {number} [deadlineMs]
   */
  async exec(code, deadlineMs = EXEC_MS) {
    this.#line.text = "";
    await this.#write(code);
    await this.#write("\x04");
    await this.#readTo("OK", deadlineMs);
    const output = await this.#readTo("\x04", deadlineMs);
    const error = await this.#readTo("\x04>", deadlineMs);
    if (error) throw new BoardError("flash_board_error", utf8Of(error).trim().split("\n").at(-1));
    return utf8Of(output);
  }

  /**
   * Restarts the board, if it is at its prompt; nothing of its answer is waited for.
   * @param {"reset" | "bootloader"} [how]
   */
  async restart(how = "reset") {
    if (!this.#isAtPrompt) return;
    this.#isAtPrompt = false;
    this.#line.text = "";
    await this.#write(`${RESTART}${how}()\x04`);
  }

  /** Returns what the board has printed since the last time. */
  takeOutput() {
    const text = utf8Of(this.#line.text);
    this.#line.text = "";
    return text;
  }

  async #flood() {
    const endMs = performance.now() + FLOOD_MS;
    while (performance.now() < endMs) {
      await this.#write(`${BURST}\x01`);
      if ((await this.#saw(RAW, ROUND_MS)) && (await this.#synchronise())) return;
    }
    throw new BoardError("flash_no_prompt");
  }

  /** Leaves exactly one prompt to be read, whatever was sent before; false if the board restarted meanwhile. */
  async #synchronise() {
    // All that was sent earlier, such as the flood of Ctrl-C, is handled once the board has printed this.
    const word = `darvaz${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    await this.#write(`\r\x01print('${word}')\x04`);
    if (!((await this.#saw(word, SYNCHRONISE_MS)) && (await this.#saw(DONE, SYNCHRONISE_MS)))) return false;
    await this.#write("\x01");
    return this.#saw(RAW, SYNCHRONISE_MS);
  }

  /** @type {(ending: string, waitMs: number) => Promise<boolean>} */
  async #saw(ending, waitMs) {
    return this.#readTo(ending, waitMs).then(
      () => true,
      (error) => {
        if (error.message === "flash_gone") throw error;
        return false;
      },
    );
  }

  /**
   * Returns what comes before a text, and takes both.
   * @param {string} ending
   * @param {number} waitMs
   */
  #readTo(ending, waitMs) {
    return this.#line.until(() => {
      const { text } = this.#line;
      const at = text.indexOf(ending);
      if (at < 0) return undefined;
      this.#line.text = text.slice(at + ending.length);
      return text.slice(0, at);
    }, waitMs);
  }

  /** @param {string} text */
  #write(text) {
    return this.#line.write(new TextEncoder().encode(text), PIECE_BYTES);
  }
}

/** @param {string} text one character for each byte */
function utf8Of(text) {
  return new TextDecoder().decode(Uint8Array.from(text, (char) => char.charCodeAt(0)));
}
