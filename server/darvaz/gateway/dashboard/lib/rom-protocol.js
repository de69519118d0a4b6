// The conversation with the loader in the ROM of an ESP32, without I/O: its packets, and what is asked one after the
// other to write an image. Espressif, "Serial Protocol"; the loader itself is used, without a program in RAM before it.

import { BoardError } from "./board-error.js";

const END = 0xc0;
const ESCAPE = 0xdb;
const ESCAPED_END = 0xdc;
const ESCAPED_ESCAPE = 0xdd;
// The longest reply has 44 bytes; a longer packet is output of a program.
const REPLY_BYTES_MAX = 256;
const HEAD_BYTES = 8;
// At least: chips send two more.
const STATUS_BYTES = 2;
const SUM_BYTES = 32;
export const SYNC = 0x08;
const READ_REGISTER = 0x0a;
const SET_FLASH = 0x0b;
const ATTACH_FLASH = 0x0d;
const CHANGE_BAUD = 0x0f;
const BEGIN = 0x10;
const DATA = 0x11;
const MD5 = 0x13;
const CHIP_REGISTER = 0x40001000;
const ESP32 = 0x00f01d83;
/** @type {Record<number, string>} */
const OTHER_CHIPS = { 4293968129: "ESP8266", 1990: "ESP32-S2", 9: "ESP32-S3" };
export const SLOW_BAUD = 115_200;
const FAST_BAUD = 460_800;
// Where the second stage of its loader begins.
export const IMAGE_AT = 0x1000;
// An ESP32-CAM has 4 MB.
export const FLASH_BYTES = 4 * 1024 * 1024;
const BLOCK_BYTES = 1_024;
const CHECKSUM = 0xef;
const SHORT_MS = 3_000;
// To erase and to write a few megabytes.
const LONG_MS = 120_000;

/**
 * What is asked of the loader: `baud` is the speed after its reply, `doneBytes` how much of the packed image it has then.
 * @typedef {{ op: number, packet: Uint8Array, waitMs: number, baud?: number, doneBytes?: number }} RomRequest
 */
/** @typedef {{ op: number, value: number, body: string, fault: number }} RomReply */

/** Asks a loader that has just begun whether it is there; it replies several times. */
export const SYNC_REQUEST = request(SYNC, [0x07, 0x07, 0x12, 0x20, ...Array(32).fill(0x55)]);

/** Finds packets in what arrives. */
export class SlipReader {
  /** @type {number[] | null} of the packet that has begun */
  #bytes = null;
  #isEscaped = false;

  /**
   * Returns the packets that are complete now.
   * @param {string} text one character for each byte
   */
  add(text) {
    const found = [];
    for (const char of text) {
      const byte = char.charCodeAt(0);
      if (byte === END) {
        if (this.#bytes?.length) found.push(this.#bytes);
        this.#bytes = [];
        this.#isEscaped = false;
      } else if (byte === ESCAPE) this.#isEscaped = true;
      else {
        if (this.#isEscaped) this.#bytes?.push(byte === ESCAPED_END ? END : ESCAPE);
        else this.#bytes?.push(byte);
        this.#isEscaped = false;
        if ((this.#bytes?.length ?? 0) > REPLY_BYTES_MAX) this.#bytes = null;
      }
    }
    return found;
  }
}

/**
 * Returns what a packet says; undefined if it is not a reply.
 * @param {number[]} packet
 * @returns {RomReply | undefined}
 */
export function parseReply(packet) {
  if (packet[0] !== 1 || packet.length < HEAD_BYTES + STATUS_BYTES) return undefined;
  const view = new DataView(Uint8Array.from(packet).buffer);
  // Before the status there is a checksum, or nothing.
  const hasSum = packet[1] === MD5 && packet.length >= HEAD_BYTES + SUM_BYTES + STATUS_BYTES;
  const at = HEAD_BYTES + (hasSum ? SUM_BYTES : 0);
  const body = String.fromCharCode(...packet.slice(HEAD_BYTES, at));
  return { op: packet[1], value: view.getUint32(4, true), body, fault: packet[at] ? packet[at + 1] || 1 : 0 };
}

/**
 * Asks for everything that writes an image, one request at a time, each with the reply to the one before.
 * @param {number} sizeBytes of the image
 * @param {string} sum its MD5
 * @param {Uint8Array} packed the image, in the format of zlib
 * @param {boolean} isFast
 * @returns {Generator<RomRequest, void, RomReply>}
 */
export function* writeRequests(sizeBytes, sum, packed, isFast) {
  const { value } = yield request(READ_REGISTER, words(CHIP_REGISTER));
  if (value !== ESP32) throw new BoardError("flash_other_chip", OTHER_CHIPS[value] ?? `0x${value.toString(16)}`);
  if (isFast) yield { ...request(CHANGE_BAUD, words(FAST_BAUD, 0)), baud: FAST_BAUD };
  yield request(ATTACH_FLASH, words(0, 0));
  yield request(SET_FLASH, words(0, FLASH_BYTES, 0x10000, 0x1000, 0x100, 0xffff));
  const blocks = Math.ceil(packed.length / BLOCK_BYTES);
  const wholeBytes = Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  // It erases first.
  yield { ...request(BEGIN, words(wholeBytes, blocks, BLOCK_BYTES, IMAGE_AT), LONG_MS), doneBytes: 0 };
  for (let number = 0; number < blocks; number++) {
    const block = packed.subarray(number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES);
    const checksum = block.reduce((sum, byte) => sum ^ byte, CHECKSUM);
    const body = [...words(block.length, number, 0, 0), ...block];
    yield { ...request(DATA, body, LONG_MS, checksum), doneBytes: number * BLOCK_BYTES + block.length };
  }
  const { body } = yield request(MD5, words(IMAGE_AT, sizeBytes, 0, 0), LONG_MS);
  if (body !== sum) throw new BoardError("flash_not_written");
}

/** @type {(op: number, body: number[], waitMs?: number, checksum?: number) => RomRequest} */
function request(op, body, waitMs = SHORT_MS, checksum = 0) {
  const plain = [0, op, body.length & 0xff, body.length >> 8, ...words(checksum), ...body];
  const escaped = plain.flatMap((byte) => {
    if (byte === END) return [ESCAPE, ESCAPED_END];
    return byte === ESCAPE ? [ESCAPE, ESCAPED_ESCAPE] : [byte];
  });
  return { op, packet: Uint8Array.from([END, ...escaped, END]), waitMs };
}

/** @param {...number} numbers */
function words(...numbers) {
  return numbers.flatMap((number) => [0, 8, 16, 24].map((shift) => (number >>> shift) & 0xff));
}
