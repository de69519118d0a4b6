import "./browser.js";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { afterEach, test } from "node:test";
import { chooseLanguage, language, t, WORDS } from "../../../server/darvaz/gateway/dashboard/lib/words.js";

const LIB = new URL("../../../server/darvaz/gateway/dashboard/lib/", import.meta.url);
const FILES = readdirSync(LIB).filter((name) => /^words-/.test(name) && name !== "words-problems.js");
for (const name of FILES) await import(new URL(name, LIB));
const SENTENCES = Object.entries(WORDS);

afterEach(() => chooseLanguage("en"));

const placeholders = (sentence) => sentence.split("{}").length - 1;

test("every sentence is in both languages, with the same number of values, one at most", () => {
  const wrong = SENTENCES.filter(
    ([, [english, persian, ...more]]) =>
      more.length || !english.trim() || !persian.trim() || placeholders(english) !== placeholders(persian),
  );
  assert.deepEqual(wrong, []);
  const several = SENTENCES.filter(([, [english]]) => placeholders(english) > 1);
  assert.deepEqual(several, []);
  assert.ok(FILES.length > 8);
});

test("Persian has one word for the gateway", () => {
  const others = SENTENCES.filter(([, [, persian]]) => /سرور|درگاه|گیت‌وی|دستگاه دروازه/.test(persian));
  assert.deepEqual(others, []);
});

test("a value is put into a sentence as it is written", () => {
  assert.equal(t("forget_sure", "$& {}").slice(0, 13), "Forget $& {}?");
});

test("an unknown sentence is shown by its key", () => {
  assert.equal(t("no_such_key"), "no_such_key");
});

test("the chosen language is remembered and turns the page", () => {
  chooseLanguage("fa");

  assert.equal(language(), "fa");
  assert.equal(localStorage.getItem("darvaz.language"), "fa");
  assert.deepEqual(document.documentElement, { lang: "fa", dir: "rtl" });
  assert.equal(t("send"), "ارسال");
});
