// What pages of lists and forms have in common: panels, tables, labels and buttons with a name for screen readers.

import { failureText } from "../lib/api.js";
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
export function labelled(title, input) {
  // Without the options of a select, which a label around them would say too.
  input.setAttribute("aria-label", t(title));
  return h("label", {}, h("span", {}, t(title)), input);
}

/** @type {(action: string, name: string, kind: string, onclick: () => unknown) => HTMLElement} */
export function actionButton(action, name, kind, onclick) {
  const label = `${t(action)} ${visible(name)}`;
  return h("button", { type: "button", class: kind, "aria-label": label, onclick }, t(action));
}

/** @type {(key: string, onclick: () => unknown, kind?: string) => HTMLButtonElement} */
export function button(key, onclick, kind = "quiet") {
  return h("button", { type: "button", class: kind, onclick }, t(key));
}

/**
 * Returns a listener for a form that a script sends.
 * @param {() => unknown} send
 * @returns {(event: Event) => void}
 */
export function submitted(send) {
  return (event) => {
    event.preventDefault();
    send();
  };
}

/**
 * Does something; returns whether it worked, and shows why not.
 * @type {(status: HTMLElement, work: () => Promise<unknown>) => Promise<boolean>}
 */
export async function attempt(status, work) {
  try {
    await work();
    return true;
  } catch (error) {
    status.textContent = failureText(error);
    return false;
  }
}

/** @type {(key: string) => HTMLElement} */
export const hint = (key) => h("p", { class: "quiet" }, t(key));

/** The line of a page that says what went wrong. */
export const failureLine = () => h("p", { role: "alert", class: "failed" });

/** @type {(...content: Child[]) => HTMLElement} */
export const row = (...content) => h("div", { class: "row" }, content);

/** @type {(key: string, name: string, kind: string, onclick: () => unknown) => HTMLButtonElement} */
export function namedButton(key, name, kind, onclick) {
  return h("button", { type: "button", class: kind, "aria-label": `${t(key)}: ${name}`, onclick }, t(key));
}

/** @type {(value: string | number, text: string) => HTMLOptionElement} */
export const option = (value, text) => h("option", { value }, text);
