// The frame of the dashboard: header, the page for the address, and the banner while the gateway does not answer.

import { alertCount, countSoon } from "./elements/alert-count.js";
import {
  applyLanguage,
  button,
  chooseLanguage,
  elementById,
  failureText,
  formatTime,
  h,
  icon,
  language,
  nowS,
  option,
  request,
  store,
  t,
  visible,
} from "./elements/page-parts.js";
import { loadScript } from "./lib/load-script.js";
import { DEVICE, FIRST, HOME, PAGES } from "./lib/pages.js";
import "./elements/gateway-problems.js";

/** @type {[code: import("./lib/words.js").Language, name: string][]} */
const LANGUAGES = [
  ["en", "English"],
  ["fa", "فارسی"],
];
const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "darvaz.theme";
const BACK_MS = 3_000;
const AGAIN_MS = 2_000;
/** When the last event came, in Unix seconds. */
let lastEventS = nowS();

/** Counts the pages that were asked for: only the last one is shown. */
let asked = 0;

/** Shows the page that the address names. */
async function route() {
  let [name, ...rest] = location.hash.replace(/^#\/?/, "").split("?")[0].split("/");
  // A dashboard that is shared is all that there is.
  if (store.limits?.layout) name = "layouts";
  const wanted = name === "device" ? DEVICE : (PAGES.get(name) ?? HOME);
  const known = store.limits && !store.mayOpen(wanted.readers) ? HOME : wanted;
  asked += 1;
  const number = asked;
  await loadScript(known.load);
  if (number !== asked) return;
  const page = name === "device" ? h("device-page", { device: decoded(rest.join("/")) }) : h(known.element);
  elementById("content").replaceChildren(page);
  for (const link of elementById("header").querySelectorAll("nav a")) {
    // A device is one of the devices.
    const isCurrent = /** @type {HTMLElement} */ (link).dataset.page === (name === "device" ? "" : name);
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
  // What says no to a reader is not offered.
  const offered = [...PAGES].filter(([, { readers }]) => !store.limits?.layout && store.mayOpen(readers));
  const links = offered.map(([path, { title, icon: drawing }]) =>
    h(
      "a",
      { href: `#/${path}`, "data-page": path, class: FIRST.has(path) ? "" : "rest" },
      icon(drawing),
      h("span", {}, t(title)),
    ),
  );
  const nav = h("nav", { "aria-label": "Darvaz" }, links);
  nav.querySelector('[data-page="alerts"]')?.append(alertCount);
  nav.append(moreButton(nav));
  const header = elementById("header");
  header.replaceChildren(
    /** @type {Element} */ (header.firstElementChild),
    nav,
    h(
      "div",
      { class: "choices" },
      !store.limits && h("a", { href: "api/docs", class: "api" }, t("api")),
      h("label", { title: t("theme") }, h("span", { class: "visually-hidden" }, t("theme")), themeChoice()),
      h("label", {}, h("span", { class: "visually-hidden" }, t("language")), languageChoice()),
      store.name && h("button", { type: "button", class: "quiet", onclick: showOwnLink }, h("bdi", {}, store.name)),
      store.bySession && button("sign_out", signOut),
    ),
  );
  elementById("skip").textContent = t("skip");
}

/**
 * Returns the button that shows the other pages where the bar has space for few.
 * @param {HTMLElement} nav
 */
function moreButton(nav) {
  const open = (/** @type {boolean} */ isOpen) => {
    nav.classList.toggle("open", isOpen);
    more.setAttribute("aria-expanded", String(isOpen));
  };
  const more = h("button", { type: "button", class: "more" }, icon("more"), h("span", {}, t("more_pages")));
  more.addEventListener("click", () => open(!nav.classList.contains("open")));
  nav.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest("a")) open(false);
  });
  nav.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    open(false);
    more.focus();
  });
  open(false);
  return more;
}

function themeChoice() {
  const choice = h(
    "select",
    {},
    THEMES.map((name) => option(name, t(`theme_${name}`))),
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
    const typed = typedTexts();
    draw(() => chooseLanguage(wanted)).then(() => typeAgain(typed));
    // What the gateway tells this person elsewhere is in it too.
    if (store.name) request("PATCH", "/api/session", { language: wanted }).catch(() => {});
  });
  return choice;
}

const inputs = () => [...elementById("content").querySelectorAll("input, select, textarea")];

/** Returns what was typed and chosen in the page. */
const typedTexts = () => inputs().map((input) => /** @type {HTMLInputElement} */ (input).value);

/**
 * Types the same into a page that was drawn again, in another language.
 * @param {string[]} texts
 */
function typeAgain(texts) {
  const now = inputs();
  if (now.length !== texts.length) return;
  now.forEach((element, at) => {
    const input = /** @type {HTMLInputElement} */ (element);
    if (input.value === texts[at] || input.type === "range" || input.type === "checkbox") return;
    input.value = texts[at];
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
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

/** Shows the reader a link for another device of theirs. */
async function showOwnLink() {
  const { ownLink } = await loadScript(() => import("./elements/link-code.js"));
  await ownLink();
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
async function draw(change = () => {}) {
  const focused = document.activeElement?.id;
  change();
  applyLanguage();
  drawHeader();
  countSoon();
  await route();
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

/** Shows the page once the gateway has answered; until then it says that it does not, and asks again. */
async function begin() {
  try {
    await store.open();
    // Of many devices the list can show some before the others come.
    if (!store.isWhole && !/^(#\/?)?(\?|$)/.test(location.hash)) await store.load();
    await draw();
    // Only on this machine or with HTTPS: it shows the page while the gateway does not answer.
    navigator.serviceWorker?.register("service-worker.js").catch(() => {});
  } catch (error) {
    elementById("content").replaceChildren(h("p", { class: "empty failed" }, failureText(error), " ", t("again")));
    setTimeout(begin, AGAIN_MS);
  }
}

setTheme(theme());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", emitTheme);
applyLanguage();
store.addEventListener("state", onState);
for (const type of ["devices", "device", "telemetry", "frames"]) {
  store.addEventListener(type, () => {
    lastEventS = nowS();
  });
}
elementById("skip").addEventListener("click", skip);
window.addEventListener("hashchange", async () => {
  await route();
  elementById("content").focus();
  window.scrollTo(0, 0);
});
// The page of a notification that somebody has clicked.
navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  if (data.page) location.hash = data.page;
});
begin();
