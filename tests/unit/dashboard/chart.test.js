import assert from "node:assert/strict";
import { test } from "node:test";
import {
  minorTicksOf,
  offlineSpansOf,
  pointAt,
  rowsOf,
  sharesOf,
  spansOf,
  statisticsOf,
  timeTicksOf,
} from "../../../server/darvaz/gateway/dashboard/lib/chart-math.js";
import {
  chartHashOf,
  chartStateOf,
  movedSpan,
  SERIES_MAX,
  spanOf,
} from "../../../server/darvaz/gateway/dashboard/lib/chart-state.js";

const HOUR_S = 3_600;
const DAY_S = 86_400;
const at = (...parts) => new Date(...parts).getTime() / 1000;

test("an address keeps what a chart shows", () => {
  const state = {
    series: [
      { device: "گلخانه/۲", name: "temperature" },
      { device: "a&b=c", name: "lid" },
    ],
    lastS: 0,
    fromS: 1_000,
    toS: 2_000,
    compareS: DAY_S,
    hasMarks: false,
  };

  assert.deepEqual(chartStateOf(chartHashOf(state)), state);
});

test("what an address has wrong is left out", () => {
  const wrong = chartStateOf("#/charts?s=&s=/x&s=x/&s=a/b&s=a/b&from=9&to=3&last=-1&compare=x");
  const many = chartStateOf(`#/charts?${Array.from({ length: SERIES_MAX + 1 }, (_, of) => `s=${of}/t`).join("&")}`);

  assert.deepEqual(wrong.series, [{ device: "a", name: "b" }]);
  assert.deepEqual([wrong.lastS, wrong.fromS, wrong.compareS], [DAY_S, 0, 0]);
  assert.equal(many.series.length, SERIES_MAX);
});

test("a time until now moves on, a chosen one stays", () => {
  assert.deepEqual(spanOf(chartStateOf("#/charts?last=60"), 1_000), [940, 1_000]);
  assert.deepEqual(spanOf(chartStateOf("#/charts?from=100&to=200"), 1_000), [100, 200]);
});

test("zooming keeps the moment under the finger where it is", () => {
  const { fromS, toS } = movedSpan([0, 100], { factor: 0.5, aroundS: 80 });

  assert.deepEqual([fromS, toS], [40, 90]);
  assert.ok(movedSpan([0, 100], { factor: 1e-9 }).toS - movedSpan([0, 100], { factor: 1e-9 }).fromS >= 10);
});

test("ticks of time are round by the reader's clock, whatever the length", () => {
  const day = timeTicksOf(at(2026, 5, 1, 0, 10), at(2026, 5, 2, 0, 10), 8);
  const year = timeTicksOf(at(2026, 0, 5), at(2027, 0, 5), 12);

  assert.deepEqual([day.stepS, day.times[0]], [3 * HOUR_S, at(2026, 5, 1, 3)]);
  assert.ok(year.times.every((timeS) => new Date(timeS * 1000).getDate() === 1));
  for (const span of [10, 60, 600, HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S, 365 * DAY_S, 3_650 * DAY_S]) {
    const { times } = timeTicksOf(1.8e9, 1.8e9 + span, 8);
    assert.ok(times.length >= 1 && times.length <= 12, `${span}: ${times.length}`);
  }
});

test("small marks stand between those that have a number", () => {
  assert.deepEqual(minorTicksOf([0, 10], 0, 10), [2, 4, 6, 8]);
  assert.deepEqual(minorTicksOf([0, 2], 0, 2), [0.5, 1, 1.5]);
  assert.deepEqual(minorTicksOf([5], 0, 10), []);
});

test("a mean has the weight of the readings behind each point", () => {
  const points = [
    [0, 10, 8, 12, 3],
    [1, 2, 2, 2, 1],
  ];

  assert.deepEqual(statisticsOf(points), { mean: 8, low: 2, high: 12, count: 4 });
  assert.equal(statisticsOf([]), null);
});

test("states become spans, and shares of the time that is known", () => {
  const spans = spansOf(
    [
      [0, "heat"],
      [60, "idle"],
    ],
    40,
    100,
  );

  assert.deepEqual(spans, [
    { fromS: 40, toS: 60, value: "heat" },
    { fromS: 60, toS: 100, value: "idle" },
  ]);
  assert.deepEqual(sharesOf(spans)[0], ["idle", 2 / 3]);
});

test("a board was offline between the end of a link and the next one", () => {
  const entry = (type, happened) => ({ type, happened });

  assert.deepEqual(offlineSpansOf([entry("connected", 5), entry("disconnected", 8)], 0, 10, false), [
    [0, 5],
    [8, 10],
  ]);
  assert.deepEqual(offlineSpansOf([], 0, 10, true), []);
  assert.deepEqual(offlineSpansOf([], 0, 10, false), [[0, 10]]);
});

test("a point is read only if it is near", () => {
  const points = [
    [0, 1, 1, 1, 1],
    [10, 2, 2, 2, 1],
  ];

  assert.equal(pointAt(points, 6, 5)?.[1], 2);
  assert.equal(pointAt(points, 5, 2), null);
  assert.equal(pointAt([], 5, 2), null);
});

test("a file has a row for each time, and the lowest and highest only of summaries", () => {
  const single = { title: "a", points: [[0, 1, 1, 1, 1]], states: [] };
  const summed = { title: "b", points: [[0, 5, 4, 6, 9]], states: [] };
  const state = { title: "c", points: [], states: [[1, true]] };

  assert.deepEqual(rowsOf([single, summed, state], String), [
    ["time", "a", "b", "b min", "b max", "c"],
    ["0", 1, 5, 4, 6, null],
    ["1", null, null, null, null, true],
  ]);
});
