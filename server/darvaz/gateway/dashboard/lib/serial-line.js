// A serial port of the browser (Web Serial): opened at a speed, read as it comes, written in pieces.

import { BoardError } from "./board-error.js";

/** @import { BoardPort } from "./types.js" */

const PIECE_MS = 10;
const WAITING_CHARS_MAX = 1_000_000;

export class SerialLine {
  /** What arrived and nobody has taken: one character for each byte. */
  text = "";
  isLost = false;
  #port;
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

  /**
   * Opens the port, and begins to read.
   * @param {number} baudRate
   */
  async open(baudRate) {
    try {
      await this.#port.open({ baudRate });
    } catch {
      throw new BoardError("flash_port_busy");
    }
    this.text = "";
    this.isLost = false;
    this.#reader = /** @type {ReadableStream<Uint8Array>} */ (this.#port.readable).getReader();
    this.#writer = /** @type {WritableStream<Uint8Array>} */ (this.#port.writable).getWriter();
    this.#listen(this.#reader);
  }

  /** Closes the port. */
  async close() {
    await this.#reader?.cancel().catch(() => {});
    this.#reader?.releaseLock();
    this.#writer?.releaseLock();
    this.#reader = this.#writer = null;
    await this.#port.close().catch(() => {});
  }

  /**
   * Sets the lines that control the chip through a programmer; a port that has none says so.
   * @type {(dataTerminalReady: boolean, requestToSend: boolean) => Promise<void>}
   */
  async signal(dataTerminalReady, requestToSend) {
    await this.#port.setSignals?.({ dataTerminalReady, requestToSend }).catch(() => {});
  }

  /**
   * Writes bytes, with pauses between pieces for those that have no flow control.
   * @param {Uint8Array} data
   * @param {number} [pieceBytes]
   */
  async write(data, pieceBytes = data.length) {
    for (let at = 0; at < data.length; at += pieceBytes) {
      if (at) await new Promise((resolve) => setTimeout(resolve, PIECE_MS));
      try {
        await this.#writer?.write(data.subarray(at, at + pieceBytes));
      } catch {
        throw new BoardError("flash_gone");
      }
    }
  }

  /**
   * Waits until a test of what arrived gives something, and returns that; throws a `BoardError` at the end of the time.
   * @template T
   * @param {() => T | undefined} test
   * @param {number} waitMs
   * @returns {Promise<T>}
   */
  async until(test, waitMs) {
    const endMs = performance.now() + waitMs;
    for (;;) {
      const found = test();
      if (found !== undefined) return found;
      if (this.isLost) throw new BoardError("flash_gone");
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

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  async #listen(reader) {
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        for (const byte of value) this.text += String.fromCharCode(byte);
        if (this.text.length > WAITING_CHARS_MAX) this.text = this.text.slice(-WAITING_CHARS_MAX);
        this.#wake();
      }
    } catch {
      // The plug was pulled, or the board restarted.
    }
    // Not of an earlier opening of the same port.
    if (reader === this.#reader) this.isLost = true;
    this.#wake();
  }
}
