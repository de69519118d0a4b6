import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  commandsOf,
  inputKindOf,
  sliderStepOf,
  stateOf,
  titleOf,
} from "../../../server/darvaz/gateway/dashboard/lib/rules.js";

test("each rule has its input", () => {
  assert.equal(inputKindOf({ type: "string", choices: ["calm", "lively"] }), "choice");
  assert.equal(inputKindOf({ type: "boolean" }), "switch");
  assert.equal(inputKindOf({ type: "number", min: 0, max: 180 }), "slider");
  assert.equal(inputKindOf({ type: "number", min: 0 }), "text");
  assert.equal(inputKindOf({ type: "string", min: 0, max: 8 }), "text");
  assert.equal(inputKindOf({}), "text");
});

test("a slider has the declared step", () => {
  assert.equal(sliderStepOf({ min: 0, max: 1, step: 0.5 }), 0.5);
});

test("without a declared step a slider has whole steps, or a hundred of a small range", () => {
  assert.equal(sliderStepOf({ type: "number", min: 0, max: 180 }), 1);
  assert.equal(sliderStepOf({ type: "integer", min: 0, max: 3 }), 1);
  assert.equal(sliderStepOf({ type: "number", min: 0, max: 2 }), 0.02);
});

test("the commands of the board's program come before those of the library", () => {
  const device = { commands: { reboot: {}, info: {}, pan: null, led: {} }, sends_frames: false };

  assert.deepEqual(commandsOf(device), [
    ["led", {}, undefined],
    ["pan", {}, undefined],
    ["info", {}, undefined],
    ["reboot", {}, undefined],
  ]);
});

test("commands come in the order of their maker, and then as people count", () => {
  const words = { commands: { zoom: { order: 1 } } };
  const names = commandsOf({ commands: { lamp_10: {}, lamp_2: {}, zoom: {} }, words }).map(([name]) => name);

  assert.deepEqual(names, ["zoom", "lamp_2", "lamp_10"]);
});

test("a title is in the reader's language, in English, or the name", () => {
  assert.equal(titleOf({ title: { fa: "چراغ", en: "Lamp" } }, "led"), "Lamp");
  assert.equal(titleOf({ title: { fa: "چراغ" } }, "led"), "چراغ");
  assert.equal(titleOf(undefined, "led"), "led");
});

test("telemetry shows where a command stands, if its maker said which", () => {
  const device = { last_args: {}, commands: { led: { on: {} } }, values: { lamp: { value: true } } };

  assert.deepEqual(stateOf({ ...device, words: { commands: { led: { state: "lamp" } } } }, "led"), { on: true });
  assert.equal(stateOf(device, "led"), undefined);
});

test("only a camera keeps the command of the gateway to itself", () => {
  const commands = { stream: {}, snap: {} };

  assert.deepEqual(
    commandsOf({ commands, sends_frames: true }).map(([name]) => name),
    ["snap"],
  );
  assert.deepEqual(
    commandsOf({ commands, sends_frames: false }).map(([name]) => name),
    ["snap", "stream"],
  );
});
