import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { isCopied } from "../../../server/darvaz/gateway/dashboard/lib/clipboard.js";
import { define } from "./globals.js";

test("a text is copied with the clipboard of the browser", async () => {
  const written = [];
  define("navigator", { clipboard: { writeText: async (text) => written.push(text) } });

  assert.equal(await isCopied("dvz_1", null), true);
  assert.deepEqual(written, ["dvz_1"]);
});

for (const isAllowed of [true, false]) {
  test(`without it the text is selected, and the older way tells whether it worked: ${isAllowed}`, async () => {
    define("navigator", {});
    const selected = [];
    define("getSelection", () => ({ selectAllChildren: (node) => selected.push(node) }));
    document.execCommand = (name) => name === "copy" && isAllowed;

    assert.equal(await isCopied("dvz_1", "the node"), isAllowed);
    assert.deepEqual(selected, ["the node"]);
  });
}
