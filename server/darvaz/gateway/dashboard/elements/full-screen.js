// Shows an element on the whole screen: by the browser, or over the page where that shows only videos so (iPhones).

import { button, h, icon, signButton, t } from "./page-parts.js";

const CLASS = "full";

/**
 * Returns the button that does so; a second one, within the element, ends it, as the key Escape does.
 * @param {HTMLElement} element
 * @param {{onchange?: (isFull: boolean) => void, isSmall?: boolean}} [choices] `isSmall`: an icon instead of words
 */
export function fullScreenButton(element, { onchange, isSmall } = {}) {
  const change = (/** @type {boolean} */ isFull) => {
    if (isFull === element.classList.contains(CLASS)) return;
    element.classList.toggle(CLASS, isFull);
    const listen = isFull ? "addEventListener" : "removeEventListener";
    document[listen]("fullscreenchange", onBrowser);
    document[listen]("keydown", onKey);
    (isFull ? leave : enter).focus();
    onchange?.(isFull);
  };
  // One that is shown over another stays in the browser's pile, and has the class of the browser still.
  const onBrowser = () => element.matches(":fullscreen") || change(false);
  const onKey = (/** @type {Event} */ event) => {
    if (/** @type {KeyboardEvent} */ (event).key !== "Escape" || element.querySelector(`.${CLASS}`)) return;
    event.stopPropagation();
    end();
  };
  const begin = async () => {
    // Where the browser refuses, the page is covered.
    await element.requestFullscreen?.().catch(() => {});
    change(true);
  };
  const end = () => (element.matches(":fullscreen") ? document.exitFullscreen() : change(false));
  const enter = isSmall ? signButton("full_screen", icon("expand"), begin) : button("full_screen", begin);
  const leave = h(
    "button",
    { type: "button", class: "leave", "aria-label": t("full_screen_end"), title: t("full_screen_end"), onclick: end },
    "✕",
  );
  element.append(leave);
  return enter;
}
