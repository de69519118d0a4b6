import "./browser.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { EventHub } from "../../../server/darvaz/gateway/dashboard/lib/event-hub.js";
import { define } from "./globals.js";

/** The streams that are open. */
let streams = [];

class FakeStream extends EventTarget {
  static CLOSED = 2;
  readyState = 1;

  constructor(address) {
    super();
    this.address = address;
    streams.push(this);
  }

  close() {
    streams = streams.filter((stream) => stream !== this);
  }

  say(type, data, lastEventId = "") {
    this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data), lastEventId }));
  }
}

/** A tab, with the types of what it was sent. */
function tab(hub, device, isSeen = true) {
  const key = { heard: [] };
  key.want = (wish) => hub.want(key, wish, ({ type, data }) => key.heard.push(data?.text ?? type));
  key.want({ device, isSeen });
  return key;
}

beforeEach(() => {
  streams = [];
  define("EventSource", FakeStream);
});

test("any number of tabs share two streams", () => {
  const hub = new EventHub(".");

  for (let number = 0; number < 8; number += 1) tab(hub, `board-${number % 3}`, number === 0);
  tab(hub, null);

  assert.equal(streams.length, 2);
  assert.deepEqual(new URL(streams[0].address, "http://x").searchParams.get("devices").split(" ").length, 3);
});

test("a tab hears of its own device, and of what concerns all", () => {
  const hub = new EventHub(".");
  const [one, other] = [tab(hub, "one"), tab(hub, "other")];

  streams[0].say("log", { device: "one", text: "of one" }, "7");
  streams[0].say("presence", { id: "other", text: "of other" }, "8");
  streams[0].say("gap", { lost: 3, text: "of all" });

  assert.deepEqual(one.heard, ["of one", "of all"]);
  assert.deepEqual(other.heard, ["of other", "of all"]);
});

test("a tab that joins is greeted, and a stream that opens again goes on where it was", () => {
  const hub = new EventHub(".");
  tab(hub, "one");
  streams[0].say("hello", { time: 1_000 }, "5");
  const again = tab(hub, "one");
  tab(hub, "other");

  assert.deepEqual(again.heard, ["hello"]);
  assert.match(streams[0].address, /last_event_id=5/);
});

test("a browser that nobody looks at gives its streams back", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new EventHub(".");
  const only = tab(hub, "one");

  only.want({ device: "one", isSeen: false });
  t.mock.timers.tick(10_001);

  assert.deepEqual(streams, []);
  assert.deepEqual(only.heard, ["paused"]);
});
