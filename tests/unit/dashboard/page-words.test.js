import assert from "node:assert/strict";
import { test } from "node:test";
import "./browser.js";

const { addedWords } = await import("../../../server/darvaz/gateway/dashboard/lib/words.js");
const BASE = "../../../server/darvaz/gateway/dashboard/lib";

test("the sentences of single pages are in both languages, with the same values", async () => {
  for (const page of ["charts", "flash", "layouts", "rules"]) await import(`${BASE}/words-${page}.js`);

  for (const [english, persian] of addedWords) {
    assert.deepEqual(Object.keys(english).sort(), Object.keys(persian).sort());
    for (const [key, text] of Object.entries(english)) {
      assert.equal(text.split("{}").length, persian[key].split("{}").length, key);
      assert.notEqual(persian[key].trim(), "", key);
    }
  }
  assert.equal(addedWords.length, 4);
});
