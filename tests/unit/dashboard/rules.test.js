import assert from "node:assert/strict";
import { test } from "node:test";
import { commandsOf, inputKindOf, sliderStepOf } from "../../../server/darvaz/gateway/dashboard/lib/rules.js";

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
    ["led", {}],
    ["pan", {}],
    ["info", {}],
    ["reboot", {}],
  ]);
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
