import assert from "node:assert/strict";
import { test } from "node:test";
import {
  baseOf,
  boardAddress,
  flashCommand,
  isLoopback,
} from "../../../server/darvaz/gateway/dashboard/lib/addresses.js";

test("the gateway's own machine has loopback names", () => {
  assert.deepEqual(
    ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:3000", "http://192.0.2.7"].map((url) =>
      isLoopback(new URL(url)),
    ),
    [true, true, true, false],
  );
});

test("make flash needs no address where it finds the gateway", () => {
  assert.equal(flashCommand(new URL("http://localhost:3000")), "make flash");
});

test("elsewhere, or at another port, the address goes before it", () => {
  assert.equal(flashCommand(new URL("http://localhost:8080")), "DARVAZ_GATEWAY=http://localhost:8080 make flash");
  assert.equal(flashCommand(new URL("http://192.0.2.7:3000")), "DARVAZ_GATEWAY=http://192.0.2.7:3000 make flash");
});

test("below a path of a proxy the path is part of the address", () => {
  const page = new URL("https://home.example/darvaz/#/access");

  assert.equal(baseOf(page), "https://home.example/darvaz");
  assert.equal(baseOf(new URL("https://home.example/darvaz/sign-in")), "https://home.example/darvaz");
  assert.equal(flashCommand(page), "DARVAZ_GATEWAY=https://home.example/darvaz make flash");
  assert.equal(boardAddress(page, null, false).address, "wss://home.example/darvaz");
});

test("a board is given the address of the page", () => {
  const shown = boardAddress(new URL("https://gateway.example/"), "http://192.0.2.7:3000", false);

  assert.deepEqual(shown, { address: "wss://gateway.example", isComplete: true });
});

test("a loopback address is replaced by the one that the gateway knows", () => {
  const shown = boardAddress(new URL("http://localhost:3000/"), "http://192.0.2.7:3000", false);

  assert.deepEqual(shown, { address: "ws://192.0.2.7:3000", isComplete: true });
});

test("the address that the operator has set comes before all others", () => {
  const shown = boardAddress(new URL("http://192.0.2.7:3000/"), "https://home.example/darvaz", true);

  assert.deepEqual(shown, { address: "wss://home.example/darvaz", isComplete: true });
});

test("where nothing better is known a person fills in the address", () => {
  const page = new URL("http://127.0.0.1:3000/");

  assert.deepEqual(boardAddress(page, null, false), { address: "ws://YOUR-ADDRESS:3000", isComplete: false });
  assert.deepEqual(boardAddress(page, "http://127.0.0.1:3000", false), {
    address: "ws://YOUR-ADDRESS:3000",
    isComplete: false,
  });
});
