import "./browser.js";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { chooseLanguage, language, t } from "../../../server/darvaz/gateway/dashboard/lib/words.js";
import { en } from "../../../server/darvaz/gateway/dashboard/lib/words-en.js";
import { fa } from "../../../server/darvaz/gateway/dashboard/lib/words-fa.js";

afterEach(() => chooseLanguage("en"));

const placeholders = (sentence) => sentence.split("{}").length - 1;

test("both languages have the same sentences", () => {
  assert.deepEqual(Object.keys(fa).sort(), Object.keys(en).sort());
});

test("a sentence has the same number of values in both languages", () => {
  const different = Object.keys(en).filter((key) => placeholders(en[key]) !== placeholders(fa[key]));
  assert.deepEqual(different, []);
});

test("no sentence is empty, and none has two values", () => {
  for (const sentence of [...Object.values(en), ...Object.values(fa)]) {
    assert.ok(sentence.trim());
    assert.ok(placeholders(sentence) <= 1, sentence);
  }
});

test("Persian has one word for the gateway", () => {
  const others = Object.values(fa).filter((sentence) => /سرور|درگاه|گیت‌وی|دستگاه دروازه/.test(sentence));
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
