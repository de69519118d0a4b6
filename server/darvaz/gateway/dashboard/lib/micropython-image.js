// Images of MicroPython: which board a file is for, decided before anything is written. As `darvaz firmware` decides.

import { BoardError } from "./board-error.js";

export const IMAGE_BYTES_MAX = 16 * 1024 * 1024;
// A smaller file is another program or half a download.
const IMAGE_BYTES_LEAST = 200_000;
// Microsoft, "USB Flashing Format (UF2)".
const BLOCK_BYTES = 512;
const MARKS = [0x0a324655, 0x9e5d5157, 0x0ab16f30];
const PAYLOAD_BYTES_MAX = 476;
/** @type {Record<number, string>} */
const FAMILIES = { 3834380118: "RP2040", 3834380121: "RP2350", 3834380122: "RP2350" };
const ESP_MARK = 0xe9;
// An image starts at 0x1000, so the partition table of 0x8000 is here.
const TABLE_AT = 0x7000;
const TABLE_MARK = 0x50aa;
/** @type {Record<number, string>} */
const ESP_CHIPS = {
  0: "ESP32",
  2: "ESP32-S2",
  5: "ESP32-C3",
  9: "ESP32-S3",
  12: "ESP32-C2",
  13: "ESP32-C6",
  18: "ESP32-P4",
};

/**
 * Throws a `BoardError` if a file is not an image of MicroPython for a chip, with what our programs need.
 * @type {(data: Uint8Array, chip: string) => void}
 */
export function checkImage(data, chip) {
  if (data.length > IMAGE_BYTES_MAX) throw new BoardError("image_none");
  const { chip: found, flash } = contentOf(data);
  if (found !== chip) throw new BoardError("image_other_chip", found);
  const text = new TextDecoder("latin1").decode(flash);
  if (data.length < IMAGE_BYTES_LEAST || !text.includes("MicroPython")) throw new BoardError("image_none");
  const machine = /[\w .()/+-]{3,60} with RP2\d+/.exec(text)?.[0].trim();
  if (machine && !machine.includes(" W")) throw new BoardError("image_no_wifi", machine);
  // A name that only the camera driver of our programs has.
  if (chip === "ESP32" && !text.includes("GrabMode")) throw new BoardError("image_no_camera");
}

/**
 * Returns the chip of an image, and what its flash will have.
 * @param {Uint8Array} data
 */
function contentOf(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (data[0] === ESP_MARK) {
    if (data.length < TABLE_AT + 2) throw new BoardError("image_damaged");
    const number = view.getUint16(12, true);
    const chip = ESP_CHIPS[number] ?? `ESP32 (${number})`;
    if (chip === "ESP32" && view.getUint16(TABLE_AT, true) !== TABLE_MARK) throw new BoardError("image_damaged");
    return { chip, flash: data };
  }
  if (data.length < BLOCK_BYTES || view.getUint32(0, true) !== MARKS[0]) throw new BoardError("image_none");
  return uf2Of(data, view);
}

/** @type {(data: Uint8Array, view: DataView) => { chip: string, flash: Uint8Array }} */
function uf2Of(data, view) {
  /** @type {Map<string, { total: number, parts: Uint8Array[] }>} */
  const found = new Map();
  if (data.length % BLOCK_BYTES) throw new BoardError("image_damaged");
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    const word = (/** @type {number} */ index) => view.getUint32(at + 4 * index, true);
    const isBlock = [0, 1, 127].every((index, mark) => word(index) === MARKS[mark]);
    if (!isBlock || word(4) > PAYLOAD_BYTES_MAX) throw new BoardError("image_damaged");
    const chip = FAMILIES[word(7)];
    // Images for the RP2350 begin with a block of another family, against its erratum RP2350-E10.
    if (!chip) continue;
    const { total, parts } = found.get(chip) ?? { total: word(6), parts: [] };
    if (word(5) !== parts.length) throw new BoardError("image_damaged");
    parts.push(data.subarray(at + 32, at + 32 + word(4)));
    found.set(chip, { total, parts });
  }
  if (found.size !== 1) throw new BoardError("image_none");
  const [[chip, { total, parts }]] = found;
  if (parts.length !== total) throw new BoardError("image_damaged");
  return { chip, flash: joined(parts) };
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
