import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { KnownDevices, nameOf } from "../../../server/darvaz/gateway/dashboard/lib/known-devices.js";

const device = (id, fields = {}) => ({ id, label: null, online: true, values: {}, ...fields });
let known;

beforeEach(() => {
  known = new KnownDevices();
});

function load(...devices) {
  known.beginLoad();
  known.endLoad(devices);
}

test("a list replaces what was known", () => {
  load(device("old"));

  load(device("shed"), device("barn"));

  assert.deepEqual([...known.all.keys()], ["shed", "barn"]);
});

test("a device is new once", () => {
  assert.equal(known.set(device("shed")), true);
  assert.equal(known.set(device("shed", { online: false })), false);
  assert.equal(known.all.get("shed").online, false);
});

test("a change that comes while a list is on its way is newer than the list", () => {
  known.beginLoad();
  known.set(device("shed", { online: true }));
  known.endLoad([device("shed", { online: false })]);

  assert.equal(known.all.get("shed").online, true);
});

test("a device that is forgotten while a list is on its way stays forgotten", () => {
  load(device("shed"));

  known.beginLoad();
  known.delete("shed");
  known.endLoad([device("shed")]);

  assert.equal(known.all.has("shed"), false);
});

test("readings that come while a list is on its way change the values only", () => {
  load(device("shed", { online: false }));

  known.beginLoad();
  known.addReadings({ id: "shed", time: 2, values: { temperature: 21.5 } });
  known.endLoad([device("shed", { values: { temperature: { value: 20, time: 1 }, lid: { value: "open", time: 1 } } })]);

  assert.equal(known.all.get("shed").online, true);
  assert.deepEqual(known.all.get("shed").values, {
    temperature: { value: 21.5, time: 2 },
    lid: { value: "open", time: 1 },
  });
});

test("changes before a list was requested are not applied to it", () => {
  known.set(device("gone"));

  load(device("shed"));

  assert.deepEqual([...known.all.keys()], ["shed"]);
});

test("changes are applied to each of two lists that overlap", () => {
  known.beginLoad();
  known.set(device("shed", { label: "new" }));
  known.beginLoad();
  known.endLoad([device("shed", { label: "old" })]);
  assert.equal(known.all.get("shed").label, "new");
  known.endLoad([device("shed", { label: "old" })]);

  assert.equal(known.all.get("shed").label, "new");
});

test("a list that does not arrive changes nothing, and the next one counts", () => {
  load(device("shed"));

  known.beginLoad();
  known.endLoad(null);
  assert.equal(known.all.has("shed"), true);
  load(device("barn"));

  assert.deepEqual([...known.all.keys()], ["barn"]);
});

test("readings of an unknown device are refused", () => {
  assert.equal(known.addReadings({ id: "shed", time: 1, values: { temperature: 1 } }), false);
});

test("a device is called by its label, else by its id", () => {
  assert.equal(nameOf(device("shed", { label: "Garden shed" })), "Garden shed");
  assert.equal(nameOf(device("shed")), "shed");
});

test("a reading that comes late is not the newest, and one after the gateway's clock was set back is", () => {
  const nowS = Date.now() / 1000;
  load(device("shed", { values: { n: { value: 1, time: nowS - 10 }, ahead: { value: 1, time: nowS + 7_200 } } }));

  known.addReadings({ id: "shed", time: nowS - 60, values: { n: 55, ahead: 2, other: 3 } });

  const { n, ahead, other } = known.all.get("shed").values;
  assert.deepEqual([n.value, ahead.value, other.value], [1, 2, 3]);
});
