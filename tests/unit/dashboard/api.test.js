import "./browser.js";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { loadDevices, Problem, pathOf, reasonOf, request } from "../../../server/darvaz/gateway/dashboard/lib/api.js";
import { chooseLanguage } from "../../../server/darvaz/gateway/dashboard/lib/words.js";
import { define } from "./globals.js";

afterEach(() => chooseLanguage("en"));

function answerWith(body, status = 200) {
  const requests = [];
  define("fetch", async (path, options) => {
    requests.push({ path, ...options });
    return new Response(body, { status });
  });
  return requests;
}

test("a device's path is safe for every id", () => {
  assert.equal(pathOf("a/b", "commands", "ü?"), "/api/devices/a%2Fb/commands/%C3%BC%3F");
});

test("a request carries JSON, and returns the JSON of the answer", async () => {
  const requests = answerWith('{"id": 1}');

  assert.deepEqual(await request("POST", "/api/tokens", { kind: "pico" }), { id: 1 });
  assert.equal(requests[0].body, '{"kind":"pico"}');
  assert.equal(requests[0].headers["Content-Type"], "application/json");
});

test("a request without a body says nothing of one", async () => {
  const requests = answerWith("{}");

  await request("GET", "/api/devices");

  assert.equal(requests[0].body, undefined);
  assert.equal(requests[0].headers, undefined);
});

test("an answer without content is null", async () => {
  answerWith(null, 204);

  assert.equal(await request("DELETE", "/api/devices/shed"), null);
});

test("a refusal is an error with its status, code and sentence", async () => {
  answerWith('{"code": "busy", "detail": "shed is busy"}', 503);

  await assert.rejects(request("GET", "/api/devices"), { status: 503, code: "busy", message: "shed is busy" });
});

test("a browser that is not signed in goes to the sign-in page", async () => {
  const places = [];
  location.assign = (path) => places.push(path);
  answerWith("not JSON", 401);

  await assert.rejects(request("GET", "/api/devices"), Problem);
  assert.deepEqual(places, ["sign-in"]);
});

test("a gateway that cannot be reached is an error too", async () => {
  define("fetch", async () => {
    throw new TypeError("network");
  });

  await assert.rejects(request("GET", "/api/devices"), { status: 0, code: "unreachable" });
});

test("a refusal that names its reason shows that to the reader", () => {
  assert.equal(reasonOf(new Problem(503, "offline", "shed is offline")), "shed is offline");
  assert.equal(reasonOf(new Problem(503, "offline", "shed is offline", "برد آفلاین است")), "برد آفلاین است");
});

test("another error is shown as text", () => {
  assert.equal(reasonOf(new TypeError("x")), "TypeError: x");
});

test("the list of devices is put together from its pages", async () => {
  const paths = [];
  define("fetch", async (path) => {
    paths.push(path);
    const isFirst = paths.length === 1;
    return new Response(JSON.stringify({ devices: [{ id: isFirst ? "a b" : "c" }], next: isFirst ? "a b" : null }));
  });

  assert.deepEqual(
    (await loadDevices()).map((device) => device.id),
    ["a b", "c"],
  );
  assert.deepEqual(paths, ["./api/devices", "./api/devices?after=a+b"]);
});
