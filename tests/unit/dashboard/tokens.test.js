import assert from "node:assert/strict";
import { test } from "node:test";
import { byUse, isRecent } from "../../../server/darvaz/gateway/dashboard/lib/tokens.js";

const token = (id, state, created, last_used = null) => ({ id, state, created, last_used });

test("live tokens come first, then those used last", () => {
  const tokens = [
    token("revoked", "revoked", 9),
    token("old", "live", 1, 2),
    token("new", "live", 3),
    token("used", "live", 1, 5),
  ];

  assert.deepEqual(
    tokens.sort(byUse).map(({ id }) => id),
    ["used", "new", "old", "revoked"],
  );
});

test("a token that is not live is shown for a day", () => {
  assert.equal(isRecent(token("a", "revoked", 0), 86_399), true);
  assert.equal(isRecent(token("a", "expired", 0), 86_400), false);
  assert.equal(isRecent(token("a", "live", 0), 1e9), true);
});
