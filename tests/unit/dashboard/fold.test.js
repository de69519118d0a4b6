import assert from "node:assert/strict";
import { test } from "node:test";
import { compareNames, fold, plainDigits } from "../../../server/darvaz/gateway/dashboard/lib/fold.js";

test("letters and digits that people take for the same are the same", () => {
  const name = "تابلوی-کلاس-۳";

  for (const text of ["كلاس", "کلاس 3", "کلاس ۳", "کلاس‌۳", "تابلوي"]) assert.ok(fold(name).includes(fold(text)), text);
  assert.equal(fold("Green_01"), "green 01");
});

test("Persian and Arabic digits are numbers", () => {
  assert.equal(plainDigits("۲۱٫۵"), "21.5");
  assert.equal(plainDigits(" -٣ "), "-3");
});

test("names are ordered as people count", () => {
  assert.deepEqual(["pico-10", "pico-2", "pico-1"].sort(compareNames), ["pico-1", "pico-2", "pico-10"]);
});
