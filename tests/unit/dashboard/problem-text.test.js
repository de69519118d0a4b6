import "./browser.js";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { inLanguage, request } from "../../../server/darvaz/gateway/dashboard/lib/api.js";
import { persianOf } from "../../../server/darvaz/gateway/dashboard/lib/problem-text.js";
import { chooseLanguage } from "../../../server/darvaz/gateway/dashboard/lib/words.js";
import { codes, sentences } from "../../../server/darvaz/gateway/dashboard/lib/words-problems.js";
import { define } from "./globals.js";

afterEach(() => chooseLanguage("en"));

test("a code that says everything is said in Persian alone", () => {
  assert.equal(persianOf("no rule has this id; see GET /api/rules", "unknown_rule"), "قاعده‌ای با این شناسه نیست");
});

test("a sentence that says more than its code has its own, with Persian digits", () => {
  const text = persianOf("there are 500 rules already: remove some, or use rules for groups", "too_many");

  assert.match(text, /۵۰۰ قاعده/);
});

test("digits of a name stay as they are", () => {
  assert.match(persianOf("kind: expected one of esp32cam, pico", "invalid"), /«esp32cam, pico»/);
});

test("what a code does not say is shown behind it, named as English", () => {
  const text = persianOf("words.json: too deep", "invalid");

  assert.equal(text, "مقداری پذیرفته نیست (به انگلیسی: «words.json: too deep»)");
});

test("a board's own words are never taken for the gateway's", () => {
  const text = persianOf("cam: viewers may only read", "refused_by_board");

  assert.equal(text, "برد نپذیرفت (به انگلیسی: «cam: viewers may only read»)");
});

test("a refusal in the journal has its code at its end", () => {
  assert.equal(persianOf("401 too_many_failures"), codes.too_many_failures);
  assert.equal(persianOf("POST /api/session: 403 not_allowed"), codes.not_allowed);
  assert.equal(persianOf("closed 4401 before a token"), "پیش از نشان دادن توکن بسته شد (۴۴۰۱)");
});

test("hidden characters of a value are written out", () => {
  assert.ok(persianOf("a\u202eb: missing").includes("\\u202e"));
  assert.ok(persianOf("\u202eevil", "invalid").includes("\\u202e"));
});

test("each value in a Persian sentence is one that its pattern finds", () => {
  for (const [pattern, text] of sentences) {
    const groups = new RegExp(`${pattern}|`).exec("").length - 1;
    const wanted = [...text.matchAll(/\$(\d)/g)].map(([, at]) => Number(at));
    assert.ok(
      wanted.every((at) => at <= groups),
      pattern,
    );
  }
});

test("a refusal is said in the reader's language", async () => {
  define("fetch", async () => new Response('{"code": "offline", "detail": "shed is offline"}', { status: 503 }));

  await assert.rejects(request("PUT", "/api/x"), { reason: "shed is offline", message: "shed is offline" });
  chooseLanguage("fa");
  await assert.rejects(request("PUT", "/api/x"), { reason: "برد آفلاین است", message: "shed is offline" });
  assert.equal(await inLanguage("unknown", "nothing"), "unknown");
});
