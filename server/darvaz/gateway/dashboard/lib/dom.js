// Makes elements: text goes in as text only, so that nothing a device says is ever markup.

/** Returns an element; `on…` are listeners, `class` and attributes are set, children are nodes or text. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, name, value) {
  if (value === undefined || value === null) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (["value", "checked", "disabled", "hidden", "selected", "required"].includes(name)) element[name] = value;
  else if (typeof value === "boolean" && !name.startsWith("aria-")) element.toggleAttribute(name, value);
  else element.setAttribute(name, String(value));
}

// Controls, and marks that turn the direction of other text, are shown as what they are; the joiners U+200C and
// U+200D turn nothing and are how Persian and other scripts are spelt.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const CLIP_CHARS = 600;

/** Returns a stranger's text so that it can neither hide nor turn anything. */
export function visible(text) {
  return String(text).replace(HIDDEN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Returns a stranger's text as an element of its own direction. */
export function bdi(text, properties = {}) {
  return h("bdi", properties, visible(text));
}

/** Returns a stranger's text, long ones cut off with a button that shows the rest. */
export function clipped(text, moreWord) {
  const whole = visible(text);
  if (whole.length <= CLIP_CHARS) return [h("bdi", {}, whole)];
  const shown = h("bdi", {}, `${whole.slice(0, CLIP_CHARS)}…`);
  const more = h("button", { type: "button", class: "link", onclick: () => {
    shown.textContent = whole;
    more.remove();
  } }, moreWord);
  return [shown, more];
}

/** Calls a function at most once a frame, however often it is asked. */
export function onceAFrame(call) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      call();
    });
  };
}

/** Says something to people who listen to the page rather than see it. */
export function announce(text) {
  document.getElementById("said").textContent = visible(text);
}
