// What pages of lists and forms have in common: panels, tables, labels and buttons with a name for screen readers.

import { failureText, h, inLanguage, store, t, visible } from "../lib/page.js";

export * from "../lib/page.js";
export * from "./dialog.js";
export * from "./icon.js";
export * from "./presence.js";

/** @import { Child } from "../lib/types.js" */

/** A part of a page about the device that its attribute names. */
export class DevicePart extends HTMLElement {
  get device() {
    return this.getAttribute("device") ?? "";
  }

  /** What is known of the device. */
  get known() {
    return store.devices.get(this.device);
  }
}

/** @type {(...content: Child[]) => HTMLElement} */
export const panel = (...content) => h("section", { class: "panel" }, content);

/**
 * Returns a table; one that may be wider than the page has a label, as the keyboard scrolls it.
 * @type {(columns: string[], body: HTMLElement, label?: string) => HTMLElement}
 */
export function table(columns, body, label) {
  const titles = columns.map((key) => h("th", { scope: "col" }, t(key)));
  const region = label && { tabindex: 0, role: "region", "aria-label": t(label) };
  return h("div", { class: "wide", ...region }, h("table", {}, h("thead", {}, h("tr", {}, titles)), body));
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

/** @type {(key: string, sign: Child, onclick: () => unknown) => HTMLButtonElement} */
export function signButton(key, sign, onclick) {
  return h("button", { type: "button", class: "quiet", "aria-label": t(key), title: t(key), onclick }, sign);
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
 * Returns a form in one row, with what sends it.
 * @type {(send: () => unknown, ...content: Child[]) => HTMLFormElement}
 */
export const formOf = (send, ...content) => h("form", { class: "row", onsubmit: submitted(send) }, content);

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

/**
 * Saves something, and shows whether that worked.
 * @type {(status: HTMLElement, work: () => Promise<unknown>) => Promise<void>}
 */
export async function saving(status, work) {
  const isDone = await attempt(status, work);
  if (isDone) status.textContent = t("saved");
  status.className = `status ${isDone ? "done" : "failed"}`;
}

/** @type {(options: string[][], label: string, value?: string) => HTMLSelectElement} */
export function selectOf(options, label, value) {
  const made = options.map(([key, text]) => option(key, text));
  const element = h("select", { "aria-label": label }, made);
  if (value !== undefined) element.value = value;
  return element;
}

/** The line of a page that says what went wrong. */
export const failureLine = () => h("p", { role: "alert", class: "failed" });

/** What went well or wrong with one thing. */
export const resultLine = () => h("output", { class: "status" });

/** What goes on, for all to see and hear. */
export const statusLine = () => h("p", { class: "quiet", role: "status" });

/** @type {(key: string, text: string, dir?: "auto" | "ltr") => HTMLElement} */
export const pre = (key, text, dir = "auto") => h("pre", { dir, tabindex: 0, "aria-label": t(key) }, text);

/** Why a release does not run: in the reader's language where the gateway says it, and as it is where a board does. */
/** @type {(reason: string) => HTMLElement} */
export const whyNot = (reason) => {
  const shown = pre("rollout_reason", reason);
  inLanguage(reason).then((text) => shown.replaceChildren(text));
  return shown;
};

/** @type {(length?: number, more?: import("../lib/types.js").Properties) => HTMLInputElement} */
export const textInput = (length, more) => h("input", { maxlength: length, dir: "auto", autocomplete: "off", ...more });

/** @type {(key: string, name: string, kind: string, onclick: () => unknown) => HTMLButtonElement} */
export function namedButton(key, name, kind, onclick) {
  return h("button", { type: "button", class: kind, "aria-label": `${t(key)}: ${name}`, onclick }, t(key));
}

/** @type {(value: string | number, text: string) => HTMLOptionElement} */
export const option = (value, text) => h("option", { value }, text);
