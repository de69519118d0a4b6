// A long list of which only the part in view is in the page, so that thousands of boards are as quick as ten.

import { h } from "../lib/page.js";

const CHUNK = 24;
// Parts are made a little before they scroll into view.
const MARGIN = "900px";

/**
 * A part of the list.
 * @typedef {object} Chunk
 * @property {HTMLElement} element
 * @property {string[]} ids
 * @property {boolean} isFilled
 */

/** Shows the items of ids; `make` returns the item of one, `parent` the empty element of a part. */
export class Windowed {
  /** @type {Chunk[]} */
  #chunks = [];
  /** @type {Map<string, HTMLElement>} the items that are in the page, by id */
  #items = new Map();
  /** The height of an item, as far as is known, in pixels. */
  #itemPx = 0;
  #observer = new IntersectionObserver((entries) => this.#onView(entries), { rootMargin: MARGIN });

  /**
   * @param {HTMLElement} container
   * @param {() => HTMLElement} parent
   * @param {(id: string) => HTMLElement} make
   */
  constructor(container, parent, make) {
    this.container = container;
    this.parent = parent;
    this.make = make;
  }

  /** The items that are in the page, by id. */
  get items() {
    return this.#items;
  }

  close() {
    this.#observer.disconnect();
  }

  /**
   * Shows these ids, in this order; items that are in the page already stay as they are.
   * @param {string[]} ids
   */
  show(ids) {
    const focused = this.container.contains(document.activeElement) ? document.activeElement : null;
    this.#arrange(ids);
    // An item that moved keeps the focus.
    if (focused?.isConnected) /** @type {HTMLElement} */ (focused).focus({ preventScroll: true });
  }

  /** @param {string[]} ids */
  #arrange(ids) {
    const known = new Set(ids);
    for (const id of this.#items.keys()) if (!known.has(id)) this.#items.delete(id);
    const count = Math.ceil(ids.length / CHUNK);
    while (this.#chunks.length > count) this.#remove();
    while (this.#chunks.length < count) this.#add();
    this.#chunks.forEach((chunk, at) => {
      chunk.ids = ids.slice(at * CHUNK, (at + 1) * CHUNK);
      if (chunk.isFilled || at === 0) this.#fill(chunk);
      else this.#hold(chunk);
    });
  }

  #add() {
    const element = this.parent();
    this.#chunks.push({ element, ids: [], isFilled: false });
    this.container.append(element);
    this.#observer.observe(element);
  }

  #remove() {
    const chunk = this.#chunks.pop();
    if (!chunk) return;
    this.#observer.unobserve(chunk.element);
    chunk.element.remove();
  }

  /** @param {Chunk} chunk */
  #fill(chunk) {
    chunk.isFilled = true;
    chunk.element.style.height = "";
    const items = chunk.ids.map((id) => {
      const item = this.#items.get(id) ?? this.make(id);
      this.#items.set(id, item);
      return item;
    });
    // An item that stays in its place keeps the focus.
    const isSame =
      items.length === chunk.element.childElementCount &&
      items.every((item, at) => chunk.element.children[at] === item);
    if (!isSame) chunk.element.replaceChildren(...items);
  }

  // The place of a part that is out of view is held by its height.
  /** @param {Chunk} chunk */
  #hold(chunk) {
    if (chunk.isFilled) {
      this.#itemPx = chunk.element.offsetHeight / (chunk.ids.length || 1);
      for (const id of chunk.ids) this.#items.delete(id);
    }
    chunk.isFilled = false;
    chunk.element.replaceChildren();
    const itemPx = this.#itemPx || (this.#chunks[0]?.element.offsetHeight ?? 0) / CHUNK;
    chunk.element.style.height = `${Math.round(itemPx * chunk.ids.length)}px`;
    if (chunk.element.tagName === "TBODY") chunk.element.append(h("tr", {}, h("td", { class: "held" })));
    const cell = /** @type {HTMLElement | null} */ (chunk.element.querySelector(".held"));
    if (cell) cell.style.height = chunk.element.style.height;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #onView(entries) {
    for (const { target, isIntersecting } of entries) {
      const chunk = this.#chunks.find(({ element }) => element === target);
      if (!chunk || chunk.isFilled === isIntersecting) continue;
      // What has the focus stays.
      if (isIntersecting) this.#fill(chunk);
      else if (!chunk.element.contains(document.activeElement)) this.#hold(chunk);
    }
  }
}
