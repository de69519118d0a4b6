import assert from "node:assert/strict";
import { test } from "node:test";
import "./browser.js";

const { addedWords } = await import("../../../server/darvaz/gateway/dashboard/lib/words.js");
const BASE = "../../../server/darvaz/gateway/dashboard/lib";

test("the sentences of single pages are in both languages, with the same values", async () => {
  for (const page of ["charts", "flash", "layouts", "rules"]) await import(`${BASE}/words-${page}.js`);

  for (const [key, texts] of addedWords.flatMap(Object.entries)) {
    const [english, persian] = texts;
    assert.equal(texts.length, 2, key);
    assert.equal(english.split("{}").length, persian.split("{}").length, key);
    assert.notEqual(persian.trim(), "", key);
  }
  assert.equal(addedWords.length, 4);
});
