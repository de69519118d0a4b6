// A switch on a card: the first command of a board that turns something on and off.

import {
  announce,
  failureText,
  h,
  nameOf,
  own,
  pathOf,
  request,
  stateOf,
  switchOf,
  titleOf,
  visible,
} from "../lib/page.js";
import { toggle } from "./control-fields.js";

/** @import { Device } from "../lib/types.js" */

/**
 * Returns the switch of a device, and how to show where it stands.
 * @param {Device} device one with such a command
 */
export function quickSwitch(device) {
  const { name, key, rule } = /** @type {NonNullable<ReturnType<typeof switchOf>>} */ (switchOf(device));
  const title = titleOf(own(device.words?.commands ?? {}, name), name);
  let isWaiting = false;
  const send = async () => {
    if (isWaiting) return;
    isWaiting = true;
    input.element.setAttribute("aria-busy", "true");
    try {
      await request("POST", pathOf(device.id, "commands", name), { [key]: input.read() });
      input.flip();
    } catch (error) {
      note.textContent = failureText(error);
      announce(note.textContent);
    }
    input.element.removeAttribute("aria-busy");
    isWaiting = false;
  };
  const input = toggle(`${nameOf(device)}: ${title}`, key, { ...rule, title: undefined }, send);
  const note = h("small", { class: "failed" });
  const fields = h("fieldset", { class: "quick" }, h("bdi", { class: "quiet" }, visible(title)), input.element, note);
  const draw = (/** @type {Device} */ now) => {
    fields.hidden = !now.online || !switchOf(now);
    if (!isWaiting) input.write(own(stateOf(now, name) ?? {}, key));
  };
  return { element: fields, draw };
}
