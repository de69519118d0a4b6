import assert from "node:assert/strict";
import { test } from "node:test";
import "./browser.js";

const { checkSpace, kindOf, mergedConfig, parseManifest, planOf, wifiFault } = await import(
  "../../../server/darvaz/gateway/dashboard/lib/flash-plan.js"
);
const PICO = {
  implementation: "micropython",
  version: [1, 27, 0],
  platform: "rp2",
  machine: "Raspberry Pi Pico W with RP2040",
  kind: null,
  mpy: 6,
  free_bytes: 800_000,
  id: "e6614c311b7a8b24",
  modules: ["network"],
};
const CAMERA = { ...PICO, platform: "esp32", machine: "ESP32 CAM Module (with Camera Driver) with ESP32" };
const chosen = { device: "lamp", token: "dvz_a_b", ssid: "Home", password: "password", gateway: "ws://g:3000" };

test("a board is of a kind that has a firmware, or the reason is told", () => {
  assert.equal(kindOf(PICO), "pico");
  assert.equal(kindOf({ ...CAMERA, modules: ["network", "camera"] }), "esp32cam");
  for (const [facts, key] of [
    [{ ...PICO, implementation: "circuitpython" }, "flash_no_micropython"],
    [{ ...PICO, platform: "stm32" }, "flash_unknown_kind"],
    [{ ...PICO, version: [1, 24, 9] }, "flash_too_old"],
    [{ ...PICO, modules: [] }, "flash_no_wifi"],
    [CAMERA, "flash_no_camera"],
  ])
    assert.throws(() => kindOf(facts), { message: key });
});

test("what changed is copied, and what is ours and not needed any more is removed", () => {
  const wanted = new Map([
    ["/lib/darvaz/link.mpy", "1"],
    ["/servo.py", "2"],
    ["/main.py", "3"],
  ]);
  const there = new Map([
    ["/lib/darvaz/link.py", "x"],
    ["/servo.py", "old"],
    ["/main.py", "3"],
    ["/sensor.py", "s"],
    ["/config.json", "c"],
    ["/mine.py", "m"],
    ["/servo.py.darvaz-staged", "h"],
  ]);
  const owned = { "/servo.py": ["old"], "/sensor.py": ["s"], "/mine.py": ["another"] };

  const { copy, stale } = planOf(wanted, there, owned);

  assert.deepEqual(copy, ["/lib/darvaz/link.mpy", "/servo.py"]);
  assert.deepEqual(stale.sort(), ["/lib/darvaz/link.py", "/sensor.py", "/servo.py.darvaz-staged"]);
});

test("files of the maker are named, and nothing is done", () => {
  const wanted = new Map([
    ["/main.py", "1"],
    ["/lib/darvaz/link.mpy", "2"],
  ]);
  for (const path of ["/main.py", "/darvaz.py", "/program.json"])
    assert.throws(() => planOf(wanted, new Map([[path, "theirs"]]), {}), { message: "flash_foreign", value: path });
  assert.deepEqual(planOf(wanted, new Map([["/lib/darvaz/link.mpy", "changed"]]), {}).copy.length, 2);
});

test("settings of the maker stay, and the network is put before the others", () => {
  const config = {
    extra: 1,
    psk: true,
    networks: [
      { ssid: "Old", password: "o" },
      { ssid: "Home", hidden: true },
    ],
    gateways: ["ws://old"],
  };

  const merged = mergedConfig(config, { ...chosen, updateKey: "k", usesPsk: false });

  assert.deepEqual(merged, {
    extra: 1,
    device: "lamp",
    token: "dvz_a_b",
    update_key: "k",
    gateways: ["ws://g:3000"],
    networks: [
      { ssid: "Home", hidden: true, password: "password" },
      { ssid: "Old", password: "o" },
    ],
  });
  assert.deepEqual(mergedConfig({}, { ...chosen, updateKey: null, usesPsk: true }), {
    grace_s: 1,
    device: "lamp",
    token: "dvz_a_b",
    psk: true,
    networks: [{ ssid: "Home", password: "password" }],
    gateways: ["wss://g:3000"],
  });
});

test("a damaged manifest has no files, and limits are told", () => {
  for (const text of ["", "[]", "null", '{"form": 2, "files": {"/a": []}}']) assert.deepEqual(parseManifest(text), {});
  assert.throws(() => checkSpace([5_000], 8_192 + 16_383), { message: "flash_no_space", value: "24" });
  checkSpace([5_000], 8_192 + 16_384);
  assert.equal(wifiFault("", ""), "flash_ssid_long");
  assert.equal(wifiFault("و".repeat(17), ""), "flash_ssid_long");
  assert.deepEqual(
    ["", "1234567", "12345678", "x".repeat(64), "a".repeat(64)].map((text) => wifiFault("a", text)),
    ["", "flash_password_long", "", "flash_password_long", ""],
  );
});
