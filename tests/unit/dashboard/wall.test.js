import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsOf, fittingColumns, wallHashOf } from "../../../server/darvaz/gateway/dashboard/lib/wall.js";

test("the address says how many cameras stand in a row, and otherwise what was chosen before", () => {
  assert.equal(columnsOf("#/cameras?columns=3", "2"), 3);
  assert.equal(columnsOf("#/cameras", "2"), 2);
  assert.equal(columnsOf("#/cameras", null), 0);
});

test("what cannot be chosen is as many as fit", () => {
  for (const asked of ["5", "-1", "1.5", "two", ""]) assert.equal(columnsOf(`#/cameras?columns=${asked}`, null), 0);
});

test("the address of a choice leads to the same choice", () => {
  for (const columns of [0, 1, 4]) assert.equal(columnsOf(wallHashOf(columns), null), columns);
});

test("on a whole screen pictures are as large as they can be", () => {
  assert.equal(fittingColumns(1, 1920, 1080), 1);
  assert.equal(fittingColumns(2, 1920, 1080), 2);
  assert.equal(fittingColumns(2, 390, 844), 1);
  assert.equal(fittingColumns(4, 1920, 1080), 2);
  assert.equal(fittingColumns(9, 1920, 1080), 3);
  assert.equal(fittingColumns(0, 1920, 1080), 1);
});
