// The page: its header, what the address asks for, and the banner that says when the gateway is away.

import { h, visible } from "./lib/dom.js";
import { clock } from "./lib/format.js";
import { apply, choose, language, t } from "./lib/words.js";
import { store } from "./lib/store.js";
import { ask } from "./lib/api.js";
import "./pages/device-list.js";
import "./pages/device-page.js";
import "./pages/camera-wall.js";
import "./pages/add-board.js";
import "./pages/access-page.js";

const PAGES = new Map([["", "device-list"], ["cameras", "camera-wall"], ["add", "add-board"], ["access", "access-page"]]);
const TABS = [["", "devices"], ["cameras", "cameras"], ["add", "add"], ["access", "access"]];
const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "darvaz.theme";
const BACK_MS = 3_000;
const element = (id) => document.getElementById(id);
let aliveS = Date.now() / 1000;

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const page = name === "device" ? h("device-page", { device: decoded(rest.join("/")) }) : h(PAGES.get(name) ?? PAGES.get(""));
  element("content").replaceChildren(page);
  for (const link of element("header").querySelectorAll("nav a")) {
    const isHere = link.dataset.page === name;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${visible(page.heading ?? "") || t(TABS.find(([path]) => path === name)?.[1] ?? "devices")} · Darvaz`;
}

// An address that somebody cut short leads to a device that is not there, not to an empty page.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function header() {
  const link = ([path, word]) => h("a", { href: `#/${path}`, "data-page": path }, t(word));
  const themes = h("select", { onchange: (event) => setTheme(event.target.value) },
    THEMES.map((name) => h("option", { value: name, selected: name === theme() }, t(`theme_${name}`))));
  const languages = h("select", { id: "language", onchange: (event) => draw(() => choose(event.target.value)) },
    [["en", "English"], ["fa", "فارسی"]].map(([code, name]) => h("option", { value: code, lang: code, selected: code === language() }, name)));
  element("header").replaceChildren(
    h("a", { href: "#/", class: "brand", "aria-label": "Darvaz" }, h("img", { src: "/pages/icon.svg", alt: "", width: 28, height: 28 }), "Darvaz"),
    h("nav", { "aria-label": "Darvaz" }, TABS.map(link), h("a", { href: "/api/docs" }, t("api"))),
    h("div", { class: "choices" },
      h("label", {}, h("span", { class: "said" }, t("theme")), themes),
      h("label", {}, h("span", { class: "said" }, t("language")), languages),
      store.bySession && h("button", { type: "button", class: "quiet", onclick: signOut }, t("sign_out"))),
  );
  element("skip").textContent = t("skip");
}

// An address of its own would lead to another page.
function skip(event) {
  event.preventDefault();
  element("content").focus();
  element("content").scrollIntoView();
}

async function signOut() {
  await ask("DELETE", "/api/session").catch(() => {});
  location.assign("/sign-in");
}

const theme = () => localStorage.getItem(THEME_KEY) ?? "auto";

function setTheme(name) {
  localStorage.setItem(THEME_KEY, name);
  document.documentElement.dataset.theme = name;
  tellTheme();
}

// What is drawn takes its colours from the page, and is drawn anew with them.
const tellTheme = () => store.dispatchEvent(new CustomEvent("theme"));

function draw(change = () => {}) {
  const focused = document.activeElement.id;
  change();
  apply();
  header();
  route();
  // Who chooses with the keyboard goes on from there.
  if (focused) element(focused)?.focus();
}

function tellState() {
  const banner = element("banner");
  const wasLost = !banner.hidden && banner.classList.contains("lost");
  document.body.classList.toggle("stale", store.state === "lost");
  if (store.state === "lost") {
    banner.textContent = t("lost", clock(aliveS));
    banner.className = "lost";
    banner.hidden = false;
  } else if (wasLost) {
    banner.textContent = t("back");
    banner.className = "back";
    setTimeout(() => {
      banner.hidden = banner.className === "back";
    }, BACK_MS);
  }
}

setTheme(theme());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellTheme);
apply();
store.addEventListener("state", tellState);
for (const type of ["devices", "device", "telemetry", "frames"]) {
  store.addEventListener(type, () => {
    aliveS = Date.now() / 1000;
  });
}
element("skip").addEventListener("click", skip);
window.addEventListener("hashchange", () => {
  route();
  element("content").focus();
  window.scrollTo(0, 0);
});
element("content").textContent = t("connecting");
await store.open().catch(() => store.dispatchEvent(new CustomEvent("state")));
draw();
