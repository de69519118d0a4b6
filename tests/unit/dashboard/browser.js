// The parts of a browser that the modules under test use. Import it before them.

import { define } from "./globals.js";

/** Settings that a page would keep in the browser. */
const kept = new Map();

define("localStorage", {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
});
define("sessionStorage", { getItem: () => null, setItem() {}, removeItem() {} });
define("navigator", { language: "en-GB" });
define("document", { documentElement: { lang: "", dir: "" }, createElement: (tag) => new FakeElement(tag) });
define("location", { assign() {} });

/** An element that remembers its attributes, listeners and children. */
class FakeElement {
  constructor(tag) {
    this.tag = tag;
    this.attributes = {};
    this.listeners = {};
    this.children = [];
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  toggleAttribute(name, isSet) {
    if (isSet) this.attributes[name] = "";
  }

  addEventListener(type, call) {
    this.listeners[type] = call;
  }

  append(...children) {
    this.children.push(...children);
  }

  remove() {
    this.isRemoved = true;
  }

  get textContent() {
    return this.children.map((child) => child.textContent ?? child).join("");
  }

  set textContent(text) {
    this.children = [text];
  }
}
