// Signs a browser in: with the secret after # of a one-time link, or with a token that is typed.

/** @type {Record<"en" | "fa", Record<string, string>>} */
const WORDS = {
  en: {
    working: "Signing in …",
    done: "You are signed in.",
    already: "You are signed in already.",
    ask: "Sign in to this gateway.",
    label: "Link or token",
    hint: "The gateway prints a link at its first start; later “make signin” or “darvaz signin” does, on its computer. For a token: “darvaz token issue operator”.",
    submit: "Sign in",
    refused: "This link or token is wrong, expired or revoked.",
    link_used: "This link was used already. If it was not you, end that session under Access.",
    too_many_failures: "Too many failed attempts from this address. Wait a few minutes.",
    unreachable: "The gateway does not answer. Try again.",
  },
  fa: {
    working: "در حال ورود …",
    done: "وارد شدید.",
    already: "شما پیش‌تر وارد شده‌اید.",
    ask: "برای استفاده از دروازه وارد شوید.",
    label: "پیوند یا توکن",
    hint: "دروازه در نخستین اجرا پیوندی چاپ می‌کند؛ پس از آن، روی رایانهٔ دروازه: «make signin» یا «darvaz signin». برای توکن: «darvaz token issue operator».",
    submit: "ورود",
    refused: "این پیوند یا توکن نادرست، منقضی یا باطل است.",
    link_used: "این پیوند پیش‌تر استفاده شده است. اگر کار شما نبوده، آن مرورگر را در بخش دسترسی پایان دهید.",
    too_many_failures: "تلاش‌های ناموفق از این نشانی زیاد بود. چند دقیقه صبر کنید.",
    unreachable: "دروازه پاسخ نمی‌دهد. دوباره تلاش کنید.",
  },
};

const language = (localStorage.getItem("darvaz.language") ?? navigator.language).startsWith("fa") ? "fa" : "en";
const words = WORDS[language];
const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = element("form");
const token = /** @type {HTMLInputElement} */ (element("token"));
const submit = /** @type {HTMLButtonElement} */ (element("submit"));

/**
 * Shows a sentence; an unknown code is a refusal.
 * @param {string} key
 */
function show(key) {
  element("status").textContent = Object.hasOwn(words, key) ? words[key] : words.refused;
}

function showForm() {
  form.hidden = false;
  token.value = "";
  token.focus();
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
  show("working");
  submit.disabled = true;
  try {
    const response = await fetch("api/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: text.trim().split("#").pop() }),
    });
    if (response.ok) {
      show("done");
      enter();
      return;
    }
    const { code } = await response.json();
    // A link that is opened a second time in the same browser: it is signed in already.
    if (code === "link_used" && (await isSignedIn())) {
      show("already");
      enter();
      return;
    }
    show(code);
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
for (const id of ["label", "hint", "submit"]) element(id).textContent = words[id];
form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(token.value);
});
// A link that is pasted over the address of this page changes only what follows #.
window.addEventListener("hashchange", begin);
begin();
