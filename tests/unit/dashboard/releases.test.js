import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { suggestedOf } from "../../../server/darvaz/gateway/dashboard/lib/releases.js";

const releases = [4, 3, 2, 1].map((number) => ({ number }));
const rollout = (release, state, device = "lamp") => ({
  release,
  counts: { [state]: 1 },
  targets: [{ device, state }],
});

test("a board that failed is offered the newest release that was good and did not fail on it", () => {
  const rollouts = [rollout(4, "waiting"), rollout(3, "good"), rollout(2, "good", "other"), rollout(1, "good")];

  assert.equal(suggestedOf(releases, rollouts, "lamp", { state: "safe_mode", release: "3" }), 2);
  assert.equal(suggestedOf(releases, [rollout(3, "fell_back"), ...rollouts], "lamp", { state: "fell_back" }), 2);
});

test("where none was good, it is offered one that did not fail, if there is one", () => {
  assert.equal(suggestedOf(releases, [], "lamp", { state: "safe_mode", release: "4" }), 3);
  assert.equal(suggestedOf([{ number: 4 }], [], "lamp", { state: "safe_mode", release: "4" }), 4);
  assert.equal(suggestedOf([], [], "lamp", { state: "safe_mode", release: "4" }), undefined);
});

test("a board that is well is offered the newest", () => {
  assert.equal(suggestedOf(releases, [rollout(3, "good")], "lamp", { state: "good", release: "3" }), 4);
});
