// What pages of lists and forms have in common: panels, tables, labels and buttons with a name for screen readers.

import { h, visible } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** @import { Child } from "../lib/types.js" */

/** @type {(...content: Child[]) => HTMLElement} */
export const panel = (...content) => h("section", { class: "panel" }, content);

/** @type {(columns: string[], body: HTMLElement) => HTMLElement} */
export function table(columns, body) {
  const titles = columns.map((key) => h("th", { scope: "col" }, t(key)));
  return h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, titles)), body));
}

/** @type {(title: string, content: Child) => HTMLElement} */
export function cell(title, content) {
  // On a phone the style sheet shows this title, as there the table has no head.
  return h("td", { "data-label": t(title) }, content);
}

/** @type {(names: string[], prefix: string) => HTMLSelectElement} */
export function select(names, prefix) {
  return h("select", {}, ...names.map((name) => h("option", { value: name }, t(`${prefix}_${name}`))));
}

/** @type {(title: string, input: HTMLElement) => HTMLElement} */
export const labelled = (title, input) => h("label", {}, h("span", {}, t(title)), input);

/** @type {(action: string, name: string, kind: string, onclick: () => unknown) => HTMLElement} */
export function actionButton(action, name, kind, onclick) {
  const label = `${t(action)} ${visible(name)}`;
  return h("button", { type: "button", class: kind, "aria-label": label, onclick }, t(action));
}
