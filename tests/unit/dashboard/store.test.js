import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { store } from "../../../server/darvaz/gateway/dashboard/lib/store.js";
import { define } from "./globals.js";

/** The streams that the store has opened. */
const streams = [];

class FakeStream extends EventTarget {
  constructor(address) {
    super();
    this.address = address;
    streams.push(this);
  }

  close() {}
}

test("a tab that is opened in the background takes no stream until it is shown", async () => {
  const page = Object.assign(new EventTarget(), { hidden: true });
  define("document", page);
  define("EventSource", FakeStream);
  define("fetch", async (path) => Response.json(path === "./api/session" ? { role: "viewer" } : { devices: [] }));

  await store.open();
  const inBackground = streams.length;
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));

  assert.equal(inBackground, 0);
  assert.equal(streams.length, 1);
  assert.match(streams[0].address, /^\.\/api\/events\?/);
});

test("a stream of all devices that begins late is not taken for that of the device that is shown", async () => {
  const begun = [];
  const say = (stream, time) =>
    stream.dispatchEvent(Object.assign(new Event("hello"), { data: JSON.stringify({ time }), lastEventId: "" }));
  store.addEventListener("hello", ({ detail }) => begun.push(detail.time));

  store.watch("one");
  say(streams[0], 1);
  await new Promise((resolve) => setTimeout(resolve));
  say(streams.at(-1), 2);

  assert.match(streams.at(-1).address, /devices=one/);
  assert.deepEqual(begun, [2]);
});
