// Signs a browser in: with the secret after # of a one-time link, or with a token that is typed.

import { WORDS } from "./words-sign-in.js";

// What the gateway says of an invitation that needs a name, or another one.
const NAMELESS = new Set(["name_needed", "name_taken"]);

// That of the person a link is for, unless somebody chose one here.
const asked = localStorage.getItem("darvaz.language") ?? new URLSearchParams(location.search).get("language");
const language = (asked ?? navigator.language).startsWith("fa") ? "fa" : "en";
const words = WORDS[language];
const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = element("form");
const token = /** @type {HTMLInputElement} */ (element("token"));
const name = /** @type {HTMLInputElement} */ (element("name"));
const submit = /** @type {HTMLButtonElement} */ (element("submit"));

/** @param {string} key */
function show(key) {
  element("status").textContent = words[key];
}

/**
 * Shows why the gateway refuses: in words of this page, or else in those that all pages have.
 * @param {string} code
 * @param {string} detail
 */
async function showRefusal(code, detail) {
  if (Object.hasOwn(words, code)) return show(code);
  const text = language === "fa" ? await import("../lib/problem-text.js").catch(() => null) : null;
  element("status").textContent = text?.persianOf(detail, code) ?? detail;
}

/** @param {string} invitation the secret of one that needs a name; "" to ask for a secret */
function showForm(invitation = "") {
  form.hidden = false;
  token.value = invitation;
  element("named").hidden = !invitation;
  for (const id of ["secret", "hint"]) element(id).hidden = invitation !== "";
  name.required = invitation !== "";
  (invitation ? name : token).focus();
}

/** Opens the dashboard, where the reader was before the sign-in. */
function enter() {
  const back = sessionStorage.getItem("darvaz.back") ?? "";
  sessionStorage.removeItem("darvaz.back");
  location.replace(`./${back}`);
}

const isSignedIn = async () => (await fetch("api/session")).ok;

/** @param {string} text a secret, or a whole link that ends with one */
async function signIn(text) {
  const secret = text.trim().split("#").pop() ?? "";
  const given = element("named").hidden ? {} : { name: name.value.trim() };
  show("working");
  submit.disabled = true;
  try {
    const response = await fetch("api/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: secret, language, ...given }),
    });
    if (response.ok) {
      show("done");
      enter();
      return;
    }
    const { code, detail } = await response.json();
    // A link that is opened a second time in the same browser: it is signed in already.
    if (code === "link_used" && (await isSignedIn())) {
      show("already");
      enter();
      return;
    }
    await showRefusal(code, detail);
    if (NAMELESS.has(code) || (code === "invalid" && given.name)) {
      showForm(secret);
      return;
    }
  } catch {
    show("unreachable");
  } finally {
    submit.disabled = false;
  }
  showForm();
}

function begin() {
  const secret = location.hash.slice(1);
  // The secret works only once, and still must not stay in the browser's history.
  history.replaceState(null, "", location.pathname);
  if (secret) {
    signIn(secret);
  } else {
    show("ask");
    showForm();
  }
}

document.documentElement.lang = language;
document.documentElement.dir = language === "fa" ? "rtl" : "ltr";
document.documentElement.dataset.theme = localStorage.getItem("darvaz.theme") ?? "auto";
for (const id of ["label", "hint", "submit", "name_label"]) element(id).textContent = words[id];
form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(token.value);
});
// A link that is pasted over the address of this page changes only what follows #.
window.addEventListener("hashchange", begin);
begin();
