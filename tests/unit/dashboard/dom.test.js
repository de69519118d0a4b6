import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { bdi, clipped, h, oncePerFrame, visible } from "../../../server/darvaz/gateway/dashboard/lib/dom.js";
import { define } from "./globals.js";

test("control characters and marks of direction are written out", () => {
  assert.equal(visible("a\u0000\u001b[31m\u202e\u2066\ufeffz"), "a\\u0000\\u001b[31m\\u202e\\u2066\\ufeffz");
});

test("line ends, tabs and the joiners of Persian stay", () => {
  assert.equal(visible("a\n\tb می\u200cشود \u200d"), "a\n\tb می\u200cشود \u200d");
});

test("what is not a text is shown as one", () => {
  assert.equal(visible(null), "null");
  assert.equal(visible(21.5), "21.5");
});

test("properties, attributes and listeners are distinguished", () => {
  const call = () => {};

  const element = h("input", {
    value: "x",
    class: "wide",
    onclick: call,
    autofocus: true,
    "aria-checked": false,
    id: null,
  });

  assert.equal(element.value, "x");
  assert.deepEqual(element.attributes, { class: "wide", autofocus: "", "aria-checked": "false" });
  assert.deepEqual(element.listeners, { click: call });
});

test("children are flattened, and those that are nothing are left out", () => {
  const element = h("p", {}, "a", [["b", null], undefined, false], 0, "");

  assert.deepEqual(element.children, ["a", "b", 0, ""]);
});

test("text of a device is never markup", () => {
  const element = bdi("<b>\u202e</b>");

  assert.equal(element.tag, "bdi");
  assert.deepEqual(element.children, ["<b>\\u202e</b>"]);
});

test("a long text is cut until the rest is asked for", () => {
  const [text, button] = clipped("x".repeat(601), "show all");
  assert.equal(text.textContent, `${"x".repeat(600)}…`);

  button.listeners.click();

  assert.equal(text.textContent, "x".repeat(601));
  assert.ok(button.isRemoved);
});

test("a text of the greatest length is whole", () => {
  assert.equal(clipped("x".repeat(600), "show all").length, 1);
});

test("many calls within a frame are one, and the next frame has its own", () => {
  const frames = [];
  define("requestAnimationFrame", (call) => frames.push(call));
  let calls = 0;
  const call = oncePerFrame(() => {
    calls += 1;
  });

  for (let count = 0; count < 3; count += 1) call();
  assert.equal(calls, 0);
  frames.shift()();
  assert.equal(calls, 1);
  call();
  frames.shift()();

  assert.deepEqual([calls, frames.length], [2, 0]);
});
