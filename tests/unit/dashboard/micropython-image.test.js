import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import "./browser.js";

const LIB = "../../../server/darvaz/gateway/dashboard/lib";
const { md5, sha256 } = await import(`${LIB}/checksums.js`);
const { checkImage, IMAGE_BYTES_MAX } = await import(`${LIB}/micropython-image.js`);
const RP2040 = 0xe48bff56;
const RP2350 = 0xe48bff59;
const ABSOLUTE = 0xe48bff57;
const PICO_W = "Raspberry Pi Pico W with RP2040";

/** Returns a block of 512 bytes. */
function block(part, number, total, family) {
  const data = Buffer.alloc(512);
  [0x0a324655, 0x9e5d5157, 0x2000, 0x10000000, part.length, number, total, family].forEach((word, index) => {
    data.writeUInt32LE(word, 4 * index);
  });
  part.copy(data, 32);
  data.writeUInt32LE(0x0ab16f30, 508);
  return data;
}

/** Returns an image for a Pico, whose words go over the border of two blocks. */
function uf2({ family = RP2040, machine = PICO_W, bytes = 120_000, words = "MicroPython v1.29.0 on 2026-08-24" } = {}) {
  const flash = Buffer.alloc(bytes);
  flash.write(`\0${words}\0${machine}\0`, 240);
  const total = Math.ceil(bytes / 256);
  const parts = Array.from({ length: total }, (_, number) => flash.subarray(number * 256, (number + 1) * 256));
  return Buffer.concat(parts.map((part, number) => block(part, number, total, family)));
}

/** Returns an image for an ESP32. */
function esp({ chip = 0, words = "GrabMode", table = 0x50aa } = {}) {
  const data = Buffer.alloc(300_000);
  data[0] = 0xe9;
  data.writeUInt16LE(chip, 12);
  data.writeUInt16LE(table, 0x7000);
  data.write(`MicroPython v1.27.0\0Generic ESP32 module with ESP32\0${words}`, 0x10000);
  return data;
}

/** Returns an image with one word changed. */
function changed(image, at, word) {
  const copy = Buffer.from(image);
  copy.writeUInt32LE(word, at);
  return copy;
}

test("checksums are those of others", async () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000, 100_001]) {
    const data = randomBytes(length);
    assert.equal(md5(data), createHash("md5").update(data).digest("hex"), `${length}`);
    assert.equal(await sha256(data), createHash("sha256").update(data).digest("hex"));
  }
});

test("the image for a board is right, also one that begins with a block against an erratum", () => {
  const extra = block(Buffer.alloc(256), 0, 2, ABSOLUTE);
  checkImage(uf2(), "RP2040");
  checkImage(Buffer.concat([extra, uf2({ family: RP2350, machine: "Raspberry Pi Pico 2 W with RP2350" })]), "RP2350");
  checkImage(esp(), "ESP32");
});

test("an image for another board is refused, with what it is for", () => {
  for (const [image, chip, message, value] of [
    [uf2({ family: RP2350 }), "RP2040", "image_other_chip", "RP2350"],
    [uf2(), "RP2350", "image_other_chip", "RP2040"],
    [uf2(), "ESP32", "image_other_chip", "RP2040"],
    [esp({ chip: 9 }), "ESP32", "image_other_chip", "ESP32-S3"],
    [esp({ chip: 77 }), "ESP32", "image_other_chip", "ESP32 (77)"],
    [esp(), "RP2040", "image_other_chip", "ESP32"],
    [uf2({ machine: "Raspberry Pi Pico with RP2040" }), "RP2040", "image_no_wifi", "Raspberry Pi Pico with RP2040"],
    [esp({ words: "" }), "ESP32", "image_no_camera", ""],
    [uf2({ words: "CircuitPython" }), "RP2040", "image_none", ""],
    [uf2({ bytes: 80_000 }), "RP2040", "image_none", ""],
    [esp({ table: 0 }), "ESP32", "image_damaged", ""],
    [uf2({ family: ABSOLUTE }), "RP2040", "image_none", ""],
    [Buffer.concat([uf2(), uf2({ family: RP2350 })]), "RP2040", "image_none", ""],
    [Buffer.from("<html>".padEnd(1_000)), "RP2040", "image_none", ""],
    [Buffer.alloc(0), "RP2040", "image_none", ""],
    [Buffer.alloc(IMAGE_BYTES_MAX + 1, 0xe9), "ESP32", "image_none", ""],
  ])
    assert.throws(() => checkImage(image, chip), { message, value });
});

test("a damaged image is refused", () => {
  const image = uf2();
  for (const [data, chip] of [
    [image.subarray(0, -1), "RP2040"],
    [image.subarray(0, -512), "RP2040"],
    [image.subarray(512), "RP2040"],
    [changed(image, 512, 0), "RP2040"],
    [changed(image, 1_020, 0), "RP2040"],
    [changed(image, 512 + 16, 477), "RP2040"],
    [esp().subarray(0, 0x7001), "ESP32"],
  ])
    assert.throws(() => checkImage(data, chip), { message: "image_damaged" });
  assert.throws(() => checkImage(changed(image, 16, 476), "RP2350"), { message: "image_other_chip" });
});
