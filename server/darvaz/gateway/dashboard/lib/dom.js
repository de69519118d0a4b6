// Makes elements. Text of a device is added as text, and cannot become markup.

/** @import { Child, Properties } from "./types.js" */

// What is set as a property: the attribute of the same name is only the initial value.
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "required"]);

/**
 * Returns an element; `on…` are listeners, all other properties are attributes, children are nodes or text.
 * @template {string} K
 * @param {K} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {K extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[K] : HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  const isShown = (/** @type {Child} */ child) => child !== null && child !== undefined && child !== false;
  const nodes = /** @type {any[]} */ (children).flat(Number.POSITIVE_INFINITY);
  element.append(.../** @type {any[]} */ (nodes.filter(isShown)));
  return /** @type {any} */ (element);
}

/** @type {(element: HTMLElement, name: string, value: any) => void} */
function set(element, name, value) {
  if (value === undefined || value === null) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (PROPERTIES.has(name)) /** @type {any} */ (element)[name] = value;
  else if (typeof value === "boolean" && !name.startsWith("aria-")) element.toggleAttribute(name, value);
  else element.setAttribute(name, String(value));
}

/** @type {(...content: Child[]) => HTMLElement} */
export const row = (...content) => h("div", { class: "row" }, content);

// Control characters, and marks that change the direction of other text. The joiners U+200C and U+200D are not among
// them: Persian and other scripts are spelt with them.
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const CLIP_CHARS = 600;

/**
 * Returns an element of a drawing.
 * @type {(tag: "svg" | "path", attributes: Record<string, unknown>, ...children: Node[]) => SVGElement}
 */
export function drawn(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Returns untrusted text with its invisible characters written out as \uXXXX.
 * @param {unknown} text
 */
export function visible(text) {
  return String(text).replace(HIDDEN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Returns untrusted text as an element that finds its own direction.
 * @param {unknown} text
 * @param {Properties} [properties]
 */
export function bdi(text, properties = {}) {
  return h("bdi", properties, visible(text));
}

/**
 * Returns untrusted text as elements; a long text is cut, with a button that shows the rest.
 * @param {unknown} text
 * @param {string} moreLabel
 */
export function clipped(text, moreLabel) {
  const whole = visible(text);
  if (whole.length <= CLIP_CHARS) return [h("bdi", {}, whole)];
  const shown = h("bdi", {}, `${whole.slice(0, CLIP_CHARS)}…`);
  const showAll = () => {
    shown.textContent = whole;
    more.remove();
  };
  const more = h("button", { type: "button", class: "link", onclick: showAll }, moreLabel);
  return [shown, more];
}

/**
 * Returns a function that runs `call` at most once in each frame of the browser.
 * @param {() => void} call
 */
export function oncePerFrame(call) {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      call();
    });
  };
}

/**
 * Calls a function again and again for as long as an element is on the page.
 * @type {(element: HTMLElement, periodMs: number, call: () => unknown) => void}
 */
export function every(element, periodMs, call) {
  const timer = setInterval(() => (element.isConnected ? call() : clearInterval(timer)), periodMs);
}

/**
 * Makes screen readers read a text.
 * @param {string} text
 */
export function announce(text) {
  elementById("announcement").textContent = visible(text);
}

/**
 * Returns an element of index.html.
 * @param {string} id
 */
export function elementById(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
