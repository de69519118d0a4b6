// The frame of the dashboard: header, the page for the address, and the banner while the gateway does not answer.

import { request } from "./lib/api.js";
import { elementById, h, visible } from "./lib/dom.js";
import { formatTime } from "./lib/format.js";
import { store } from "./lib/store.js";
import { applyLanguage, chooseLanguage, language, t } from "./lib/words.js";
import "./elements/gateway-problems.js";
import "./pages/access-page.js";
import "./pages/add-board.js";
import "./pages/alerts-page.js";
import "./pages/camera-wall.js";
import "./pages/device-list.js";
import "./pages/device-page.js";
import "./pages/release-page.js";

const HOME = { element: "device-list", title: "devices" };
/** The pages of the header, by what follows "#/" in the address. */
const PAGES = new Map([
  ["", HOME],
  ["cameras", { element: "camera-wall", title: "cameras" }],
  ["alerts", { element: "alerts-page", title: "alerts" }],
  ["add", { element: "add-board", title: "add" }],
  ["releases", { element: "release-page", title: "releases" }],
  ["access", { element: "access-page", title: "access" }],
]);
/** @type {[code: import("./lib/words.js").Language, name: string][]} */
const LANGUAGES = [
  ["en", "English"],
  ["fa", "فارسی"],
];
const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "darvaz.theme";
const BACK_MS = 3_000;
/** When the last event came, in Unix seconds. */
let lastEventS = Date.now() / 1000;

/** Shows the page that the address names. */
function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const known = PAGES.get(name) ?? HOME;
  const page = name === "device" ? h("device-page", { device: decoded(rest.join("/")) }) : h(known.element);
  elementById("content").replaceChildren(page);
  for (const link of elementById("header").querySelectorAll("nav a")) {
    const isCurrent = /** @type {HTMLElement} */ (link).dataset.page === name;
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = /** @type {HTMLElement & {heading?: string}} */ (page).heading;
  document.title = `${visible(heading ?? "") || t(known.title)} · Darvaz`;
}

/**
 * Returns a part of an address, decoded if that is possible: a damaged one names an unknown device.
 * @param {string} text
 */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function drawHeader() {
  const links = [...PAGES].map(([path, { title }]) => h("a", { href: `#/${path}`, "data-page": path }, t(title)));
  const logo = h("img", { src: "pages/icon.svg", alt: "", width: 28, height: 28 });
  elementById("header").replaceChildren(
    h("a", { href: "#/", class: "brand", "aria-label": "Darvaz" }, logo, "Darvaz"),
    h("nav", { "aria-label": "Darvaz" }, links, h("a", { href: "api/docs" }, t("api"))),
    h(
      "div",
      { class: "choices" },
      h("label", {}, h("span", { class: "visually-hidden" }, t("theme")), themeChoice()),
      h("label", {}, h("span", { class: "visually-hidden" }, t("language")), languageChoice()),
      store.bySession && h("button", { type: "button", class: "quiet", onclick: signOut }, t("sign_out")),
    ),
  );
  elementById("skip").textContent = t("skip");
}

function themeChoice() {
  const choice = h(
    "select",
    {},
    THEMES.map((name) => h("option", { value: name }, t(`theme_${name}`))),
  );
  choice.value = theme();
  choice.addEventListener("change", () => setTheme(choice.value));
  return choice;
}

function languageChoice() {
  const options = LANGUAGES.map(([code, name]) => h("option", { value: code, lang: code }, name));
  const choice = h("select", { id: "language" }, options);
  choice.value = language();
  choice.addEventListener("change", () => {
    const wanted = /** @type {import("./lib/words.js").Language} */ (choice.value);
    draw(() => chooseLanguage(wanted));
  });
  return choice;
}

/**
 * Moves the focus to the content. Following the link itself would change the address, and with it the page.
 * @param {Event} event
 */
function skip(event) {
  event.preventDefault();
  elementById("content").focus();
  elementById("content").scrollIntoView();
}

async function signOut() {
  await request("DELETE", "/api/session").catch(() => {});
  location.assign("sign-in");
}

const theme = () => localStorage.getItem(THEME_KEY) ?? "auto";

/** @param {string} name */
function setTheme(name) {
  localStorage.setItem(THEME_KEY, name);
  document.documentElement.dataset.theme = name;
  emitTheme();
}

// Plots take their colours from the page, and are drawn again.
const emitTheme = () => store.emit("theme", undefined);

/** Draws everything, after a change of the language. */
function draw(change = () => {}) {
  const focused = document.activeElement?.id;
  change();
  applyLanguage();
  drawHeader();
  route();
  // For a person who uses the keyboard the focus stays in place.
  if (focused) elementById(focused)?.focus();
}

function onState() {
  const banner = elementById("banner");
  const wasLost = !banner.hidden && banner.className === "lost";
  const isLost = store.state === "lost";
  document.body.classList.toggle("stale", isLost);
  if (!isLost && !wasLost) return;
  banner.textContent = isLost ? t("lost", formatTime(lastEventS)) : t("back");
  banner.className = isLost ? "lost" : "back";
  banner.hidden = false;
  if (isLost) return;
  setTimeout(() => {
    banner.hidden = banner.className === "back";
  }, BACK_MS);
}

setTheme(theme());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", emitTheme);
applyLanguage();
store.addEventListener("state", onState);
for (const type of ["devices", "device", "telemetry", "frames"]) {
  store.addEventListener(type, () => {
    lastEventS = Date.now() / 1000;
  });
}
elementById("skip").addEventListener("click", skip);
window.addEventListener("hashchange", () => {
  route();
  elementById("content").focus();
  window.scrollTo(0, 0);
});
elementById("content").textContent = t("connecting");
await store.open().catch(() => store.emit("state", undefined));
draw();
