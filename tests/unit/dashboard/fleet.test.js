import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fleet from "../../../server/darvaz/gateway/dashboard/lib/fleet.js";

const device = (id, fields = {}) => ({
  id,
  label: null,
  kind: "pico",
  groups: [],
  online: true,
  last_seen: 1_000,
  last_end: null,
  rssi_dbm: -50,
  heap_free_bytes: 100_000,
  version: "1.0",
  values: {},
  ...fields,
});
const filter = (fields = {}) => ({ ...fleet.filterOf("#/"), ...fields });
const idsOf = (devices, fields) => fleet.shownOf(devices, filter(fields)).map(({ id }) => id);

test("problems come first, and names as people count", () => {
  const weak = device("pico-3", { rssi_dbm: -90 });
  const away = device("pico-20", { online: false });

  assert.deepEqual(idsOf([device("pico-10"), device("pico-2"), weak, away]), [
    "pico-20",
    "pico-3",
    "pico-2",
    "pico-10",
  ]);
});

test("text is looked for in everything, whatever the keyboard", () => {
  const devices = [
    device("a", { groups: ["کلاس ۳"] }),
    device("b", { ip: "192.0.2.7" }),
    device("c", { online: false }),
  ];

  assert.deepEqual(idsOf(devices, { q: "كلاس 3" }), ["a"]);
  assert.deepEqual(idsOf(devices, { q: "192.0.2" }), ["b"]);
  assert.deepEqual(idsOf(devices, { q: "offline" }), ["c"]);
});

test("boards that are lost in the same second have one cause", () => {
  const lost = ["a", "b", "c"].map((id, at) => device(id, { online: false, last_end: 1006, last_seen: 1_000 + at }));
  const left = device("d", { online: false, last_end: 1000, last_seen: 1_000 });

  const outages = fleet.outagesOf([...lost, left, device("e")]);

  assert.deepEqual(
    outages.map(({ end, devices }) => [end, devices.length]),
    [
      ["silent", 3],
      ["left", 1],
    ],
  );
});

test("a filter is the same after its way through the address", () => {
  const wanted = filter({ q: "a&b", state: "offline", group: "کلاس", sort: "-signal", view: "table" });

  assert.deepEqual(fleet.filterOf(fleet.hashOf(wanted)), wanted);
});

test("what is not known comes last in both directions", () => {
  const devices = [device("a", { rssi_dbm: null }), device("b", { rssi_dbm: -70 }), device("c", { rssi_dbm: -40 })];

  assert.deepEqual(idsOf(devices, { sort: "signal" }), ["b", "c", "a"]);
  assert.deepEqual(idsOf(devices, { sort: "-signal" }), ["c", "b", "a"]);
});

test("a table has no formulas of boards", () => {
  assert.equal(fleet.csvOf([["=1+1", -5, 'say "hi"', null]]), '\ufeff"\'=1+1","-5","say ""hi""",""\r\n');
});

test("a board in safe mode is a problem, and found by it", () => {
  const broken = device("pico-4", { rssi_dbm: -90, program: { state: "safe_mode", reason: "OSError" } });
  const whole = device("pico-5", { program: { state: "good" } });

  assert.equal(fleet.problemOf(broken), "safe_mode");
  assert.equal(fleet.problemOf(whole), null);
});
