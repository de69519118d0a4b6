// Signs a browser in: with the credential behind # of a one-time link, or with a token that is typed.

const WORDS = {
  en: {
    working: "Signing in …",
    done: "You are signed in.",
    ask: "Sign in to this gateway.",
    label: "Link or token",
    hint: "Run “make signin” or “darvaz signin” on the gateway for a link, or “darvaz token issue operator” for a token.",
    submit: "Sign in",
    refused: "This link or token lets nobody in: it is wrong, expired or revoked.",
    link_used: "This link was used already. If that was not you, end that session in the list of sessions.",
    too_many_failures: "Too many failed attempts from this address. Wait a few minutes.",
    unreachable: "The gateway does not answer. Try again.",
  },
  fa: {
    working: "در حال ورود …",
    done: "وارد شدید.",
    ask: "برای استفاده از دروازه وارد شوید.",
    label: "پیوند یا توکن",
    hint: "روی دروازه «make signin» یا «darvaz signin» را برای یک پیوند، یا «darvaz token issue operator» را برای یک توکن اجرا کنید.",
    submit: "ورود",
    refused: "این پیوند یا توکن پذیرفته نشد: نادرست، منقضی یا باطل است.",
    link_used: "این پیوند پیش‌تر استفاده شده است. اگر کار شما نبوده، آن نشست را در فهرست نشست‌ها پایان دهید.",
    too_many_failures: "تلاش‌های ناموفق از این نشانی زیاد بود. چند دقیقه صبر کنید.",
    unreachable: "دروازه پاسخ نمی‌دهد. دوباره تلاش کنید.",
  },
};

const language = (localStorage.getItem("darvaz.language") ?? navigator.language).startsWith("fa") ? "fa" : "en";
const words = WORDS[language];
const element = (id) => document.getElementById(id);

function say(word) {
  element("status").textContent = words[word] ?? words.refused;
}

function ask() {
  element("form").hidden = false;
  element("token").value = "";
  element("token").focus();
}

async function signIn(text) {
  say("working");
  element("submit").disabled = true;
  try {
    const response = await fetch("/api/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      // A whole link may be pasted as well as what follows its #.
      body: JSON.stringify({ token: text.trim().split("#").pop() }),
    });
    if (response.ok) {
      say("done");
      location.replace("/");
      return;
    }
    say((await response.json()).code);
  } catch {
    say("unreachable");
  } finally {
    element("submit").disabled = false;
  }
  ask();
}

document.documentElement.lang = language;
document.documentElement.dir = language === "fa" ? "rtl" : "ltr";
document.documentElement.dataset.theme = localStorage.getItem("darvaz.theme") ?? "auto";
for (const id of ["label", "hint", "submit"]) element(id).textContent = words[id];
element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(element("token").value);
});

function begin() {
  const credential = location.hash.slice(1);
  // The credential is used up in a moment, but it need not lie in the history meanwhile.
  history.replaceState(null, "", location.pathname);
  if (credential) {
    signIn(credential);
  } else {
    say("ask");
    ask();
  }
}

// A link that is pasted over this page changes only what follows the #.
window.addEventListener("hashchange", begin);
begin();
