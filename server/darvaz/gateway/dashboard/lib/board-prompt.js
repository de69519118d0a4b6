// A board at its raw prompt, over a serial port of the browser (Web Serial): brings it there, and runs code on it.

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
const PIECE_MS = 10;
const WAITING_CHARS_MAX = 1_000_000;
// Boards with USB of their own send nothing before a terminal says that it is there; programmers reset the chip by it.
const RASPBERRY_PI = 0x2e8a;
const RESET = "import machine, time\ntime.sleep_ms(100)\nmachine.reset()";

/** Why a board could not be used; the message is the key of a sentence, and `value` what is in it. */
export class BoardError extends Error {
  /**
   * @param {string} key
   * @param {string} [value]
   */
  constructor(key, value = "") {
    super(key);
    this.value = value;
  }
}

export class BoardPrompt {
  #port;
  /** What arrived and nobody has read: one character for each byte. */
  #text = "";
  #isLost = false;
  #isAtPrompt = false;
  /** Wakes who waits for more. */
  #wake = () => {};
  /** @type {ReadableStreamDefaultReader<Uint8Array> | null} */
  #reader = null;
  /** @type {WritableStreamDefaultWriter<Uint8Array> | null} */
  #writer = null;

  /** @param {BoardPort} port */
  constructor(port) {
    this.#port = port;
  }

  /** Opens the port, and begins to read. */
  async open() {
    try {
      await this.#port.open({ baudRate: BAUD });
    } catch {
      throw new BoardError("flash_port_busy");
    }
    const isNative = this.#port.getInfo?.().usbVendorId === RASPBERRY_PI;
    // A port that has no such lines says so.
    await this.#port.setSignals?.({ dataTerminalReady: isNative, requestToSend: false }).catch(() => {});
    this.#reader = /** @type {ReadableStream<Uint8Array>} */ (this.#port.readable).getReader();
    this.#writer = /** @type {WritableStream<Uint8Array>} */ (this.#port.writable).getWriter();
    this.#listen(this.#reader);
  }

  /** Closes the port. */
  async close() {
    await this.#reader?.cancel().catch(() => {});
    this.#reader?.releaseLock();
    this.#writer?.releaseLock();
    await this.#port.close().catch(() => {});
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
    this.#text = "";
    await this.#write(code);
    await this.#write("\x04");
    await this.#readTo("OK", deadlineMs);
    const output = await this.#readTo("\x04", deadlineMs);
    const error = await this.#readTo("\x04>", deadlineMs);
    if (error) throw new BoardError("flash_board_error", utf8Of(error).trim().split("\n").at(-1));
    return utf8Of(output);
  }

  /** Restarts the board, if it is at its prompt; nothing of its answer is waited for. */
  async restart() {
    if (!this.#isAtPrompt) return;
    this.#isAtPrompt = false;
    this.#text = "";
    await this.#write(`${RESET}\x04`);
  }

  /** Returns what the board has printed since the last time. */
  takeOutput() {
    const text = utf8Of(this.#text);
    this.#text = "";
    return text;
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  async #listen(reader) {
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        for (const byte of value) this.#text += String.fromCharCode(byte);
        if (this.#text.length > WAITING_CHARS_MAX) this.#text = this.#text.slice(-WAITING_CHARS_MAX);
        this.#wake();
      }
    } catch {
      // The plug was pulled, or the board restarted.
    }
    this.#isLost = true;
    this.#wake();
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
  async #readTo(ending, waitMs) {
    const endMs = performance.now() + waitMs;
    for (;;) {
      const at = this.#text.indexOf(ending);
      if (at >= 0) {
        const found = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + ending.length);
        return found;
      }
      if (this.#isLost) throw new BoardError("flash_gone");
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new BoardError("flash_silent");
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve(undefined);
        };
      });
    }
  }

  /** @param {string} text */
  async #write(text) {
    const data = new TextEncoder().encode(text);
    for (let at = 0; at < data.length; at += PIECE_BYTES) {
      if (at) await new Promise((resolve) => setTimeout(resolve, PIECE_MS));
      try {
        await this.#writer?.write(data.subarray(at, at + PIECE_BYTES));
      } catch {
        throw new BoardError("flash_gone");
      }
    }
  }
}

/** @param {string} text one character for each byte */
function utf8Of(text) {
  return new TextDecoder().decode(Uint8Array.from(text, (char) => char.charCodeAt(0)));
}
