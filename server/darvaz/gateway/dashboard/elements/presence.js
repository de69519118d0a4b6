// Whether a device is online, in a word and a colour.

import { h, t } from "../lib/page.js";

/** @import { Device } from "../lib/types.js" */

/**
 * Returns the mark of a device that is online or offline.
 * @param {Device} device
 */
export function presence({ online }) {
  const state = online ? "online" : "offline";
  return h("span", { class: `presence ${state}` }, t(state));
}

/**
 * Returns the link to the page of a device.
 * @param {{id: string}} device
 * @param {import("../lib/types.js").Child} content
 */
export function deviceLink({ id }, content) {
  return h("a", { href: `#/device/${encodeURIComponent(id)}` }, content);
}
