import assert from "node:assert/strict";
import { test } from "node:test";
import { isMatch, joinLines, lineOfEntry } from "../../../server/darvaz/gateway/dashboard/lib/log-lines.js";

const line = (time, message, level = "info") => ({ time, level, message });

test("an entry of the journal becomes a line", () => {
  const entry = { time: 5, happened: 1, payload: '{"type":"log","level":"error","message":"too hot"}' };

  assert.deepEqual(lineOfEntry(entry), line(1, "too hot", "error"));
});

test("a line without a level is an info", () => {
  assert.deepEqual(lineOfEntry({ time: 5, happened: 1, payload: '{"message":5}' }), line(1, "5"));
});

test("an entry that is cut short is shown as the beginning of its message", () => {
  const starts = [
    ['{"level":"error","message":"to\\n \\"hot\\"…', line(1, 'to\n "hot"…', "error")],
    ['{"type":"log", "message": "\\u00e4 \\u00…', line(1, "ä …")],
    ['{"message":"a\\…', line(1, "a…")],
  ];

  for (const [payload, shown] of starts) assert.deepEqual(lineOfEntry({ time: 5, happened: 1, payload }), shown);
});

test("an entry that is cut before its message is shown as it is", () => {
  assert.deepEqual(lineOfEntry({ time: 5, happened: 1, payload: '{"mess…' }), line(1, '{"mess…'));
});

test("a line at the border that is in both appears once", () => {
  const joined = joinLines([line(1, "a"), line(2, "b")], [line(2.0004, "b"), line(3, "c")]);

  assert.deepEqual(
    joined.map(({ message }) => message),
    ["a", "b", "c"],
  );
});

test("equal lines at other times stay", () => {
  const joined = joinLines([line(1, "a"), line(2, "a")], [line(2.5, "a")]);

  assert.equal(joined.length, 3);
});

test("without earlier lines the later ones stay, and the other way round", () => {
  assert.deepEqual(joinLines([], [line(1, "a")]), [line(1, "a")]);
  assert.deepEqual(joinLines([line(1, "a")], []), [line(1, "a")]);
});

test("a filter has a lowest level", () => {
  assert.equal(isMatch(line(1, "a", "warning"), "warning", ""), true);
  assert.equal(isMatch(line(1, "a", "critical"), "error", ""), true);
  assert.equal(isMatch(line(1, "a", "info"), "warning", ""), false);
});

test("a filter has a text, in any case of letters", () => {
  assert.equal(isMatch(line(1, "Too HOT"), "debug", "hot"), true);
  assert.equal(isMatch(line(1, "too hot"), "debug", "COLD"), false);
});
