// Writes an image to an ESP32 at a serial port, with the loader in its ROM.

import { BoardError } from "./board-error.js";
import { md5 } from "./checksums.js";
import {
  FLASH_BYTES,
  IMAGE_AT,
  parseReply,
  SLOW_BAUD,
  SlipReader,
  SYNC_REQUEST,
  writeRequests,
} from "./rom-protocol.js";

/** @import { RomReply, RomRequest } from "./rom-protocol.js" */
/** @import { SerialLine } from "./serial-line.js" */
/** @import { Progress } from "./types.js" */

const RESET_MS = 100;
const RELEASE_MS = 50;
const SYNC_MS = 300;
const SETTLE_MS = 50;
const RESETS_MAX = 5;
const FAST_TRIES_MAX = 5;
// For somebody who connects IO0 to GND, and presses the reset button.
const BY_HAND_MS = 60_000;

export class EspLoader {
  /** Whether something was erased: then a part of an image is no longer one. */
  hasBegun = false;
  #line;
  #slip = new SlipReader();
  /** @type {RomReply[]} */
  #replies = [];
  #report;
  #signal;

  /**
   * @param {SerialLine} line
   * @param {Progress} report
   * @param {AbortSignal} signal
   */
  constructor(line, report, signal) {
    this.#line = line;
    this.#report = report;
    this.#signal = signal;
  }

  /**
   * Writes an image, compares what the chip then has, and restarts it; the port is closed.
   * @param {Uint8Array} image
   */
  async write(image) {
    // The loader counts in words.
    const padded = new Uint8Array(Math.ceil(image.length / 4) * 4).fill(0xff);
    padded.set(image);
    if (padded.length > FLASH_BYTES - IMAGE_AT) throw new BoardError("image_none");
    const packed = await compressed(padded);
    try {
      await this.#line.open(SLOW_BAUD);
      await this.#enter();
      const isFast = await this.#run(padded, packed, true);
      if (!isFast) {
        // The port, or what is between it and the chip, is not able to do that.
        await this.#enter();
        await this.#run(padded, packed, false);
      }
      await this.#restart(false);
    } finally {
      await this.#line.close();
    }
  }

  /** @type {(image: Uint8Array, packed: Uint8Array, isFast: boolean) => Promise<boolean>} */
  async #run(image, packed, isFast) {
    const requests = writeRequests(image.length, md5(image), packed, isFast);
    let step = requests.next();
    while (!step.done) {
      const { doneBytes, baud } = step.value;
      if (doneBytes === 0) this.hasBegun = true;
      const reply = await this.#ask(step.value);
      if (doneBytes !== undefined) this.#report("flash_writes", doneBytes / packed.length);
      if (baud && !(await this.#changeSpeed(baud))) return false;
      step = requests.next(reply);
    }
    return true;
  }

  /** @param {number} baud */
  async #changeSpeed(baud) {
    // The only way that Web Serial has.
    await this.#line.close();
    await this.#line.open(baud);
    await this.#line.signal(false, false);
    for (let tries = 0; tries < FAST_TRIES_MAX; tries++) if (await this.#isThere()) return true;
    await this.#line.close();
    await this.#line.open(SLOW_BAUD);
    return false;
  }

  async #enter() {
    this.#report("flash_loader");
    for (let resets = 0; resets < RESETS_MAX; resets++) {
      await this.#restart(true);
      if (await this.#isThere()) return;
    }
    this.#report("flash_by_hand");
    const endMs = performance.now() + BY_HAND_MS;
    while (performance.now() < endMs) if (await this.#isThere()) return;
    throw new BoardError("flash_no_loader");
  }

  /**
   * Resets the chip with its line EN, by RTS; into the loader if IO0 is low then, by DTR.
   * @param {boolean} toLoader
   */
  async #restart(toLoader) {
    await this.#line.signal(false, true);
    await pause(RESET_MS);
    await this.#line.signal(toLoader, false);
    await pause(RELEASE_MS);
    await this.#line.signal(false, false);
  }

  async #isThere() {
    this.#signal.throwIfAborted();
    try {
      await this.#ask({ ...SYNC_REQUEST, waitMs: SYNC_MS });
    } catch (error) {
      if (/** @type {Error} */ (error).message !== "flash_silent") throw error;
      return false;
    }
    // It replies several times.
    await pause(SETTLE_MS);
    this.#line.text = "";
    return true;
  }

  /** @param {RomRequest} request */
  async #ask({ op, packet, waitMs }) {
    this.#signal.throwIfAborted();
    this.#replies = [];
    await this.#line.write(packet);
    const reply = await this.#line.until(() => this.#take(op), waitMs);
    if (reply.fault) throw new BoardError("flash_refused", `0x${op.toString(16)}, ${reply.fault}`);
    return reply;
  }

  /** @param {number} op */
  #take(op) {
    for (const packet of this.#slip.add(this.#line.text)) {
      const reply = parseReply(packet);
      if (reply) this.#replies.push(reply);
    }
    this.#line.text = "";
    return this.#replies.find((reply) => reply.op === op);
  }
}

/** @param {Uint8Array} data */
async function compressed(data) {
  const stream = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (data)]).stream();
  return new Uint8Array(await new Response(stream.pipeThrough(new CompressionStream("deflate"))).arrayBuffer());
}

/** @param {number} waitMs */
function pause(waitMs) {
  return new Promise((resolve) => setTimeout(resolve, waitMs));
}
