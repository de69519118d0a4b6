import assert from "node:assert/strict";
import { test } from "node:test";
import { own } from "../../../server/darvaz/gateway/dashboard/lib/own.js";

test("what every object inherits is not found", () => {
  for (const name of ["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty"]) {
    assert.equal(own({ temperature: 1 }, name), undefined);
  }
});

test("names like those are found where a device reports them", () => {
  const reported = JSON.parse('{"constructor": 1, "__proto__": 2, "temperature": 3}');
  assert.deepEqual(
    ["constructor", "__proto__", "temperature"].map((name) => own(reported, name)),
    [1, 2, 3],
  );
});
