// The controls of a device, made from the commands that it declared. Each shows what it was last called with.

import { argumentsIn, field, toggle } from "./control-fields.js";
import {
  bdi,
  clipped,
  commandsOf,
  DevicePart,
  follow,
  h,
  hint,
  icon,
  inputKindOf,
  isConfirmed,
  own,
  pathOf,
  reasonOf,
  request,
  resultLine,
  stateOf,
  store,
  submitted,
  t,
  titleOf,
  visible,
} from "./page-parts.js";
import { resultParts } from "./result-parts.js";

/** @import { ArgumentInput, ArgumentRule, Arguments, Device, Words } from "../lib/types.js" */

/**
 * One command: its element, and how to show its last arguments.
 * @typedef {{name: string, element: HTMLElement, show(args?: Arguments): void}} Control
 */

/**
 * Calls a command with arguments, while buttons show that it waits; returns whether it was carried out.
 * @typedef {(args: Arguments, buttons: HTMLButtonElement[]) => Promise<boolean>} Call
 */

// Commands that are asked about, whatever the board says.
const ASKED = new Set(["reboot"]);
// Acknowledgements within this time cause one request.
const RELOAD_DELAY_MS = 250;

class DeviceControls extends DevicePart {
  /** The declaration, as JSON, that the controls were made from. */
  #declared = "";
  #reloadTimer = 0;
  /** @type {Control[]} */
  #controls = [];
  #note = h("p", { class: "quiet" });
  #fields = h("fieldset", { class: "controls" });

  connectedCallback() {
    follow(this, "device", (id) => id === this.device && this.#refresh());
    follow(this, "devices", () => this.#refresh());
    follow(this, "telemetry", ({ id }) => id === this.device && this.#showStates());
    follow(this, "ack", ({ device }) => device === this.device && this.#reloadSoon());
    this.#refresh();
  }

  // A command may come from elsewhere: the controls follow the board.
  #reloadSoon() {
    if (this.#reloadTimer) return;
    this.#reloadTimer = setTimeout(() => {
      this.#reloadTimer = 0;
      store.reload(this.device).catch(() => {});
    }, RELOAD_DELAY_MS);
  }

  #refresh() {
    const device = this.known;
    if (!device) return;
    const declared = JSON.stringify([device.groups, device.commands, device.sends_frames, device.words?.commands]);
    // Controls are kept while the declaration is the same, with what was typed into them.
    if (declared !== this.#declared) {
      this.#declared = declared;
      this.#controls = commandsOf(device)
        .filter(([name]) => store.role === "viewer" || store.mayUse(device, name))
        .map(([name, rules, words]) => control(device.id, name, rules, words));
      this.#draw();
    }
    this.#showStates();
    const isViewer = store.role === "viewer";
    this.#fields.disabled = !device.online || isViewer;
    this.#note.textContent = isViewer ? t("only_view") : device.online ? "" : t("offline_controls");
    this.#note.hidden = !this.#fields.disabled;
  }

  #showStates() {
    const device = this.known;
    for (const { name, show } of device ? this.#controls : []) show(stateOf(/** @type {Device} */ (device), name));
  }

  #draw() {
    const legend = h("legend", { class: "visually-hidden" }, t("controls"));
    this.#fields.replaceChildren(legend, ...this.#controls.map(({ element }) => element));
    const none = hint("no_controls");
    this.replaceChildren(this.#note, this.#controls.length ? this.#fields : none);
  }
}

customElements.define("device-controls", DeviceControls);

/** @type {(device: string, name: string, rules: Record<string, ArgumentRule>, words?: Words) => Control} */
function control(device, name, rules, words) {
  const status = resultLine();
  const shownName = titleOf(words, name);
  const title = h("span", { class: "name" }, icon(words?.icon), bdi(shownName));
  const call = caller(device, name, shownName, words, status);
  const keys = Object.keys(rules);
  if (!keys.length) {
    const button = h("button", { type: "button", "aria-label": `${t("run")}: ${visible(shownName)}` }, t("run"));
    button.addEventListener("click", () => call({}, [button]));
    return { name, element: h("div", { class: "control" }, title, button, status), show() {} };
  }
  const kind = keys.length === 1 ? inputKindOf(rules[keys[0]]) : "";
  if (kind === "switch") {
    const onchoose = async () => {
      const buttons = /** @type {HTMLButtonElement[]} */ ([...input.element.querySelectorAll("button")]);
      if (await send(buttons)) input.flip();
    };
    const input = toggle(shownName, keys[0], rules[keys[0]], onchoose);
    const { send, show } = argumentsOf([input], call);
    return { name, element: h("div", { class: "control" }, title, input.element, status), show };
  }
  const inputs = keys.map((key) => field(key, rules[key]));
  const { send, show, onInput } = argumentsOf(inputs, call);
  const element = formOf(title, inputs, kind, send, status);
  element.addEventListener("input", onInput);
  return { name, element, show };
}

/**
 * Returns how to send what the inputs hold, and how to show the last arguments without disturbing a person who types.
 * @param {ArgumentInput[]} inputs
 * @param {Call} call
 */
function argumentsOf(inputs, call) {
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
  const send = async (/** @type {HTMLButtonElement[]} */ buttons = []) => {
    const before = changes;
    const isDone = await call(argumentsIn(inputs), buttons);
    if (changes === before) isEdited = false;
    return isDone;
  };
  return { send, show, onInput };
}

/**
 * @param {HTMLElement} title
 * @param {ArgumentInput[]} inputs
 * @param {string} kind of the input, if there is only one
 * @param {(buttons: HTMLButtonElement[]) => unknown} send
 * @param {HTMLElement} status
 */
function formOf(title, inputs, kind, send, status) {
  const onsubmit = submitted(() => send(/** @type {HTMLButtonElement[]} */ ([...form.querySelectorAll("button")])));
  const properties = { class: inputs.length > 1 ? "control many" : "control", onsubmit };
  const form = h("form", properties, title, ...inputs.map(({ element }) => element));
  // A slider or a choice is complete with one change, and needs no button.
  if (kind === "slider" || kind === "choice") form.addEventListener("change", () => form.requestSubmit());
  else form.append(h("button", {}, t("send")));
  form.append(status);
  return form;
}

/**
 * Returns what calls a command and shows its result; that returns whether the command was carried out.
 * @type {(device: string, name: string, shownName: string, words: Words | undefined, status: HTMLElement) => Call}
 */
function caller(device, name, shownName, words, status) {
  let isWaiting = false;
  return async (args, buttons) => {
    // Three presses of a button mean one command; a slider that moves on is another value.
    if (isWaiting && buttons.length) return false;
    const question = questionOf(name, shownName, words);
    if (question && !(await isConfirmed(question, t("run")))) return false;
    isWaiting = true;
    for (const button of buttons) button.setAttribute("aria-busy", "true");
    const isDone = await run(device, name, args, status);
    for (const button of buttons) button.removeAttribute("aria-busy");
    isWaiting = false;
    return isDone;
  };
}

/**
 * Returns what to ask before a command, or "".
 * @type {(name: string, shownName: string, words?: Words) => string}
 */
function questionOf(name, shownName, words) {
  if (typeof words?.confirm === "string") return words.confirm;
  return (words?.confirm ?? ASKED.has(name)) ? t("confirm_command", visible(shownName)) : "";
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
    show("done", ...resultParts(result));
    return true;
  } catch (error) {
    const [before, after] = t("failed", "\n").split("\n");
    show("failed", before, ...clipped(reasonOf(error), t("more")), after);
    return false;
  }
}
