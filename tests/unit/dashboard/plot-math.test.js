import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addInOrder,
  boundsOf,
  digitsFor,
  joinNewer,
  nearestTo,
  pointOf,
  segmentsOf,
  summaryOf,
} from "../../../server/darvaz/gateway/dashboard/lib/plot-math.js";

const at = (...times) => times.map((timeS) => pointOf(timeS, timeS));

test("a summary has the lowest, the mean and the highest", () => {
  const summary = summaryOf([
    [1, 2, 1, 4, 10],
    [2, 4, 0, 5, 10],
  ]);

  assert.deepEqual(summary, { low: 0, mean: 3, high: 5 });
});

test("bounds leave a tenth on each side", () => {
  assert.deepEqual(boundsOf([[1, 5, 0, 10, 2]]), [-1, 11]);
});

test("bounds of a constant are not equal", () => {
  assert.deepEqual(boundsOf([pointOf(1, 10)]), [9, 11]);
  assert.deepEqual(boundsOf([pointOf(1, 0)]), [-0.1, 0.1]);
});

test("bounds of nothing are 0 and 1", () => {
  assert.deepEqual(boundsOf([]), [0, 1]);
});

test("a small range has more digits, up to four", () => {
  assert.deepEqual([100, 10, 1, 0.1, 0.000_01].map(digitsFor), [0, 0, 1, 2, 4]);
});

test("points at a steady pace are one segment", () => {
  assert.equal(segmentsOf(at(0, 10, 20, 30)).length, 1);
});

test("a pause of more than six usual steps begins a segment", () => {
  const segments = segmentsOf(at(0, 10, 20, 80, 141, 151));

  assert.deepEqual(
    segments.map((segment) => segment.map(([timeS]) => timeS)),
    [
      [0, 10, 20, 80],
      [141, 151],
    ],
  );
});

test("a single point is a segment", () => {
  assert.deepEqual(segmentsOf(at(5)), [at(5)]);
});

test("the nearest point is found before, between and after all", () => {
  const points = at(10, 20, 30);

  assert.deepEqual(
    [0, 14, 16, 99].map((timeS) => nearestTo(points, timeS)),
    [0, 0, 1, 2],
  );
  assert.equal(nearestTo([], 5), 0);
});

test("readings that the history lacks come after it", () => {
  const joined = joinNewer({ points: at(10, 20), from: 0, to: 40 }, at(20, 30), { time: 40, value: 7 });

  assert.deepEqual(joined, [...at(10, 20, 30), pointOf(40, 7)]);
});

test("a reading that the history has is not shown twice, though its time was rounded", () => {
  const joined = joinNewer({ points: at(10.123), from: 0, to: 20 }, at(10.1234), { time: 10.1234, value: 1 });

  assert.deepEqual(joined, at(10.123));
});

test("without a history the readings since its beginning are shown", () => {
  const joined = joinNewer({ points: [], from: 15, to: 30 }, at(10, 20), { time: 20, value: 20 });

  assert.deepEqual(joined, at(20));
});

test("a switch is a point of 0 or 1", () => {
  assert.deepEqual(pointOf(1, true), [1, 1, 1, 1, 1]);
});

test("a value that is not known any more is not a point", () => {
  const joined = joinNewer({ points: at(10), from: 0, to: 40 }, [], { time: 40, value: null });

  assert.deepEqual(joined, at(10));
});

test("a reading that comes late is put where its time is, and the last of one time is behind the others", () => {
  const points = [
    [10, "a"],
    [20, "b"],
    [30, "c"],
  ];
  addInOrder(points, [25, "late"]);
  addInOrder(points, [30, "same"]);
  addInOrder(points, [40, "newest"]);
  addInOrder(points, [5, "first"]);

  assert.deepEqual(
    points.map(([, name]) => name),
    ["first", "a", "b", "late", "c", "same", "newest"],
  );
});
