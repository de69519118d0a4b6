// Whether code at the prompt is one expression.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isExpression } from "../../../server/darvaz/gateway/dashboard/lib/python.js";

for (const code of [
  "state",
  "1 + 1",
  "water(litres=3)",
  "a == b",
  "x['a=b']",
  "'a;b'",
  "f(a)[1]",
  "a <= b",
  " s  # = 1",
]) {
  test(`${code} is an expression`, () => assert.ok(isExpression(code)));
}

for (const code of [
  "",
  "x = 1",
  "x += 1",
  "import os",
  "for i in x: pass",
  "a\nb",
  "a; b",
  "del x",
  "x[1] = 2",
  "if a: b",
]) {
  test(`${JSON.stringify(code)} is not an expression`, () => assert.ok(!isExpression(code)));
}
