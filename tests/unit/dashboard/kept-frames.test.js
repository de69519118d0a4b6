// Which kept frames show motion.

import assert from "node:assert/strict";
import { test } from "node:test";
import { framesWithin, nextStartOf } from "../../../server/darvaz/gateway/dashboard/lib/kept-frames.js";

const TIMES = [10_000, 11_000, 12_000, 13_000, 14_000];
/** @type {(fromS: number, toS: number) => {fromS: number, toS: number, value: boolean}} */
const span = (fromS, toS) => ({ fromS, toS, value: true });

test("a time has the frames from its first to its last moment", () => {
  assert.deepEqual(framesWithin(TIMES, [span(11, 13), span(13.5, 99)]), [
    [1, 3],
    [4, 4],
  ]);
});

test("a time between two frames, before or after all of them has none", () => {
  assert.deepEqual(framesWithin(TIMES, [span(11.2, 11.8), span(1, 2), span(20, 30)]), []);
});

test("the next motion is behind the frame, and after the last one the first again", () => {
  const moves = /** @type {[number, number][]} */ ([
    [1, 2],
    [4, 4],
  ]);
  assert.deepEqual(
    [0, 1, 3, 4].map((at) => nextStartOf(moves, at)),
    [1, 4, 4, 1],
  );
});
