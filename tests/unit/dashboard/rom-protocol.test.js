import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { deflateSync, inflateSync } from "node:zlib";
import "./browser.js";

const { parseReply, SlipReader, SYNC_REQUEST, writeRequests } = await import(
  "../../../server/darvaz/gateway/dashboard/lib/rom-protocol.js"
);
const ESP32 = 0x00f01d83;

/** Returns what a packet has between its ends. */
function unpacked(packet) {
  const text = Buffer.from(packet).toString("latin1");
  assert.ok(/^\xc0[^\xc0]+\xc0$/.test(text));
  return Buffer.from(text.slice(1, -1).replaceAll("\xdb\xdc", "\xc0").replaceAll("\xdb\xdd", "\xdb"), "latin1");
}

/** Returns the reply to a request, as text. */
function reply(op, value = 0, body = "", status = [0, 0, 0, 0]) {
  const head = Buffer.alloc(8);
  head.writeUInt8(1, 0);
  head.writeUInt8(op, 1);
  head.writeUInt16LE(body.length + 4, 2);
  head.writeUInt32LE(value, 4);
  return [...head, ...Buffer.from(body, "latin1"), ...status];
}

/** A chip that takes an image by what it is asked, with this checksum. */
function take(requests, sum, value = ESP32) {
  const asked = [];
  let step = requests.next();
  while (!step.done) {
    const data = unpacked(step.value.packet);
    asked.push({
      op: data[1],
      size: data.readUInt16LE(2),
      checksum: data.readUInt32LE(4),
      body: data.subarray(8),
      ...step.value,
    });
    const answer = data[1] === 0x0a ? reply(0x0a, value) : reply(data[1], 0, data[1] === 0x13 ? sum.padEnd(32) : "");
    step = requests.next(parseReply(answer));
  }
  return asked;
}

test("packets are found in pieces, between output of a program, and with a common end", () => {
  const reader = new SlipReader();
  assert.deepEqual(reader.add("ets Jul 29\xc0\x01"), []);
  assert.deepEqual(reader.add("\x02\xdb"), []);
  assert.deepEqual(reader.add("\xdc\xdb\xdd\xc0\xc0\x03\xc0\x04\xc0"), [[1, 2, 0xc0, 0xdb], [3], [4]]);
  // Neither the end of a cut escape nor a packet without end stays.
  assert.deepEqual(reader.add("\xdb\xc0\x05\xc0"), [[5]]);
  assert.deepEqual(reader.add(`${"x".repeat(257)}\xc0\x06\xc0`), [[6]]);
  assert.equal(reader.add(`${"x".repeat(256)}\xc0`)[0].length, 256);
});

test("what is not a reply is left out, and a fault has its number", () => {
  assert.equal(parseReply([0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), undefined);
  assert.equal(parseReply(reply(8).slice(0, -3)), undefined);
  const sum = "0123456789abcdef".repeat(2);
  // Chips end with four bytes, others with two.
  for (const status of [
    [1, 7],
    [1, 7, 0, 0],
  ]) {
    assert.deepEqual(parseReply(reply(0x13, 5, sum, status)), { op: 0x13, value: 5, body: sum, fault: 7 });
    assert.deepEqual(parseReply(reply(0x13, 5, "", status)), { op: 0x13, value: 5, body: "", fault: 7 });
  }
  assert.equal(parseReply(reply(0x13, 0, "", [1, 0, 0, 0])).fault, 1);
});

test("the first request is the one of the documentation", () => {
  const data = unpacked(SYNC_REQUEST.packet);
  assert.deepEqual([...data.subarray(0, 12)], [0, 8, 36, 0, 0, 0, 0, 0, 7, 7, 0x12, 0x20]);
  assert.ok(data.subarray(12).every((byte) => byte === 0x55) && data.length === 44);
});

test("an image is written in blocks with checksums, and compared", () => {
  const image = Buffer.concat([randomBytes(5_000), Buffer.alloc(20_000, 0xff)]);
  const packed = deflateSync(image);
  const sum = createHash("md5").update(image).digest("hex");

  const asked = take(writeRequests(image.length, sum, packed, true), sum);

  const data = asked.filter(({ op }) => op === 0x11);
  const begin = asked.find(({ op }) => op === 0x10).body;
  assert.deepEqual(
    asked.slice(0, 5).map(({ op }) => op),
    [0x0a, 0x0f, 0x0d, 0x0b, 0x10],
  );
  assert.deepEqual([asked[1].baud, asked[1].body.readUInt32LE(0)], [460_800, 460_800]);
  assert.deepEqual(
    [0, 4, 8, 12].map((at) => begin.readUInt32LE(at)),
    [25_600, data.length, 1_024, 0x1000],
  );
  assert.deepEqual(
    data.map(({ body }) => body.readUInt32LE(4)),
    data.map((_, number) => number),
  );
  for (const { body, checksum } of data) {
    assert.equal(
      checksum,
      body.subarray(16).reduce((sum, byte) => sum ^ byte, 0xef),
    );
    assert.ok(body.readUInt32LE(0) === body.length - 16 && body.length <= 1_040);
  }
  assert.deepEqual(inflateSync(Buffer.concat(data.map(({ body }) => body.subarray(16)))), image);
  assert.equal(data.at(-1).doneBytes, packed.length);
  assert.ok(asked.every(({ size, body }) => size === body.length));
  assert.ok(!take(writeRequests(image.length, sum, packed, false), sum).some(({ op }) => op === 0x0f));
});

test("another chip is named before anything is written, and a difference is told", () => {
  const write = () => writeRequests(4, "right".padEnd(32), deflateSync(Buffer.alloc(4)), false);
  assert.throws(() => take(write(), "wrong"), { message: "flash_not_written" });
  for (const [value, name] of [
    [9, "ESP32-S3"],
    [0x7c6, "ESP32-S2"],
    [0xfff0c101, "ESP8266"],
    [0xabcd, "0xabcd"],
  ])
    assert.throws(() => take(write(), "right", value), { message: "flash_other_chip", value: name });
});
