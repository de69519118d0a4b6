import "./browser.js";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import * as format from "../../../server/darvaz/gateway/dashboard/lib/format.js";
import { chooseLanguage } from "../../../server/darvaz/gateway/dashboard/lib/words.js";

// 2026-02-03 04:05:06 UTC.
const TIME_S = 1770091506;

afterEach(() => chooseLanguage("en"));

test("a number has at most two digits after the point", () => {
  assert.equal(format.formatNumber(1234.567), "1,234.57");
  assert.equal(format.formatNumber(2), "2");
});

test("a value has its unit, isolated from the text around it", () => {
  assert.equal(format.formatValue(21.5, "°C"), "21.5\u00a0\u2068°C\u2069");
  assert.equal(format.formatValue(21.5), "21.5");
});

test("a switch is on or off, and a text is shown visibly", () => {
  assert.equal(format.formatValue(true), "on");
  assert.equal(format.formatValue(false), "off");
  assert.equal(format.formatValue(null), "–");
  assert.equal(format.formatValue("a\u202eb"), "a\\u202eb");
});

test("bytes become kilobytes, and from 1 MiB on megabytes", () => {
  assert.equal(format.formatValue(2048, "B"), "2 KB");
  assert.equal(format.formatBytes(1024 * 1024 - 1), "1,024 KB");
  assert.equal(format.formatBytes(1024 * 1024), "1 MB");
  assert.equal(format.formatBytes(1536, 1), "1.5 KB");
});

test("a duration has its two largest units", () => {
  assert.equal(format.formatDuration(0), "0\u00a0s");
  assert.equal(format.formatDuration(59.6), "1\u00a0min");
  assert.equal(format.formatDuration(90_061), "1\u00a0d 1\u00a0h");
  assert.equal(format.formatDuration(3605), "1\u00a0h 5\u00a0s");
  assert.equal(format.formatDuration(-5), "0\u00a0s");
});

test("a time of the last seconds is just now", () => {
  assert.equal(format.formatAgo(Date.now() / 1000), "just now");
  assert.equal(format.formatAgo(Date.now() / 1000 - 7200), "2\u00a0h ago");
});

test("times are of the day with seconds, dates short, and ISO has both", () => {
  assert.equal(format.formatTime(TIME_S), "04:05:06");
  assert.equal(format.formatDate(TIME_S), "3 Feb");
  assert.equal(format.formatIso(TIME_S), "2026-02-03 04:05:06");
});

test("an element of a time names it for machines and people", () => {
  const element = format.timeElement(TIME_S);

  assert.equal(element.attributes.datetime, "2026-02-03T04:05:06.000Z");
  assert.equal(element.textContent, "2026-02-03 04:05:06");
});

test("Persian has its own digits and the Jalali calendar", () => {
  chooseLanguage("fa");

  assert.equal(format.formatNumber(21.5), "۲۱٫۵");
  assert.equal(format.formatTime(TIME_S), "۰۴:۰۵:۰۶");
  assert.match(format.formatDate(TIME_S), /۱۴ بهمن/);
  assert.match(format.timeElement(TIME_S).textContent, /۱۴۰۴.*2026-02-03/);
  assert.equal(format.formatIso(TIME_S), "2026-02-03 04:05:06");
});
