// The controls of a device, made from the commands that it declared. Each shows what it was last called with.

import { pathOf, reasonOf, request } from "../lib/api.js";
import { bdi, clipped, h } from "../lib/dom.js";
import { own } from "../lib/own.js";
import { commandsOf, inputKindOf } from "../lib/rules.js";
import { follow, store } from "../lib/store.js";
import { t } from "../lib/words.js";
import { field, toggle } from "./control-fields.js";

/** @import { ArgumentInput, ArgumentRule, Arguments } from "../lib/types.js" */

/**
 * One command: its element, and how to show its last arguments.
 * @typedef {{name: string, element: HTMLElement, show(args?: Arguments): void}} Control
 */

// Acknowledgements within this time cause one request.
const RELOAD_DELAY_MS = 250;

class DeviceControls extends HTMLElement {
  #device = "";
  /** The declaration, as JSON, that the controls were made from. */
  #declared = "";
  #reloadTimer = 0;
  /** @type {Control[]} */
  #controls = [];
  #note = h("p", { class: "quiet" });
  #fields = h("fieldset", { class: "controls" });

  connectedCallback() {
    this.#device = this.getAttribute("device") ?? "";
    follow(this, "device", (id) => id === this.#device && this.#refresh());
    follow(this, "devices", () => this.#refresh());
    follow(this, "ack", ({ device }) => device === this.#device && this.#reloadSoon());
    this.#refresh();
  }

  // A command may come from elsewhere: the controls follow the board.
  #reloadSoon() {
    if (this.#reloadTimer) return;
    this.#reloadTimer = setTimeout(() => {
      this.#reloadTimer = 0;
      store.reload(this.#device).catch(() => {});
    }, RELOAD_DELAY_MS);
  }

  #refresh() {
    const device = store.devices.get(this.#device);
    if (!device) return;
    const declared = JSON.stringify([device.commands, device.sends_frames]);
    // Controls are kept while the declaration is the same, with what was typed into them.
    if (declared !== this.#declared) {
      this.#declared = declared;
      this.#controls = commandsOf(device).map(([name, rules]) => control(device.id, name, rules));
      this.#draw();
    }
    for (const { name, show } of this.#controls) show(own(device.last_args, name));
    this.#fields.disabled = !device.online || !store.mayChange;
    this.#note.textContent = !store.mayChange ? t("only_view") : device.online ? "" : t("offline_controls");
    this.#note.hidden = !this.#fields.disabled;
  }

  #draw() {
    const legend = h("legend", { class: "visually-hidden" }, t("controls"));
    this.#fields.replaceChildren(legend, ...this.#controls.map(({ element }) => element));
    const none = h("p", { class: "quiet" }, t("no_controls"));
    this.replaceChildren(this.#note, this.#controls.length ? this.#fields : none);
  }
}

customElements.define("device-controls", DeviceControls);

/** @type {(device: string, name: string, rules: Record<string, ArgumentRule>) => Control} */
function control(device, name, rules) {
  const status = h("output", { class: "status" });
  const title = h("span", { class: "name" }, bdi(name));
  const keys = Object.keys(rules);
  if (!keys.length) {
    const button = h("button", { type: "button", onclick: () => run(device, name, {}, status) }, t("run"));
    return { name, element: h("div", { class: "control" }, title, button, status), show() {} };
  }
  const kind = keys.length === 1 ? inputKindOf(rules[keys[0]]) : "";
  if (kind === "switch") {
    const input = toggle(name, keys[0], rules[keys[0]]);
    const { send, show } = argumentsOf(device, name, [input], status);
    input.element.addEventListener("click", async () => {
      if (await send()) input.flip();
    });
    return { name, element: h("div", { class: "control" }, title, input.element, status), show };
  }
  const inputs = keys.map((key) => field(key, rules[key]));
  const { send, show, onInput } = argumentsOf(device, name, inputs, status);
  const element = formOf(title, inputs, kind, send, status);
  element.addEventListener("input", onInput);
  return { name, element, show };
}

/**
 * Returns how to send what the inputs hold, and how to show the last arguments without disturbing a person who types.
 * @param {string} device
 * @param {string} name
 * @param {ArgumentInput[]} inputs
 * @param {HTMLElement} status
 */
function argumentsOf(device, name, inputs, status) {
  let changes = 0;
  let isEdited = false;
  let shown = "{}";
  const onInput = () => {
    changes += 1;
    isEdited = true;
  };
  const show = (/** @type {Arguments} */ args = {}) => {
    const json = JSON.stringify(args);
    if (isEdited || json === shown) return;
    shown = json;
    for (const { key, write } of inputs) write(own(args, key));
  };
  const send = async () => {
    const before = changes;
    const given = inputs.map(({ key, read }) => [key, read()]).filter(([, value]) => value !== undefined);
    const isDone = await run(device, name, Object.fromEntries(given), status);
    if (changes === before) isEdited = false;
    return isDone;
  };
  return { send, show, onInput };
}

/**
 * @param {HTMLElement} title
 * @param {ArgumentInput[]} inputs
 * @param {string} kind of the input, if there is only one
 * @param {() => unknown} send
 * @param {HTMLElement} status
 */
function formOf(title, inputs, kind, send, status) {
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    send();
  };
  const properties = { class: inputs.length > 1 ? "control many" : "control", onsubmit };
  const form = h("form", properties, title, ...inputs.map(({ element }) => element));
  // A slider or a choice is complete with one change, and needs no button.
  if (kind === "slider" || kind === "choice") form.addEventListener("change", () => form.requestSubmit());
  else form.append(h("button", {}, t("send")));
  form.append(status);
  return form;
}

/**
 * Calls a command and shows its result; returns whether it was carried out.
 * @param {string} device
 * @param {string} name
 * @param {Arguments} args
 * @param {HTMLElement} status
 */
async function run(device, name, args, status) {
  // Of several calls, only the last one's result is shown.
  const number = String(Number(status.dataset.number ?? 0) + 1);
  status.dataset.number = number;
  const show = (/** @type {string} */ kind, /** @type {(Node | string)[]} */ ...content) => {
    if (status.dataset.number !== number) return;
    status.className = `status ${kind}`;
    status.replaceChildren(...content);
  };
  show("pending", t("pending"));
  try {
    const { result } = await request("POST", pathOf(device, "commands", name), args);
    const text = typeof result === "string" ? result : JSON.stringify(result ?? "");
    if (result === null || result === undefined) show("done", t("done"));
    else show("done", `${t("done")}: `, ...clipped(text, t("more")));
    return true;
  } catch (error) {
    const [before, after] = t("failed", "\n").split("\n");
    show("failed", before, ...clipped(reasonOf(error), t("more")), after);
    return false;
  }
}
