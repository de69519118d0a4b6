// The controls of a device, made from the commands that it declared; each shows what became of it.

import { ask, pathOf } from "../lib/api.js";
import { field, kindOf, toggle } from "./control-fields.js";
import { bdi, clipped, h } from "../lib/dom.js";
import { follow, store } from "../lib/store.js";
import { t } from "../lib/words.js";

// What the gateway asks a camera by itself.
const OWN = new Set(["stream"]);
// What the library brings along comes after what the maker wrote.
const BUILT_IN = ["info", "reboot"];
const SETTLES_MS = 250;

class DeviceControls extends HTMLElement {
  connectedCallback() {
    this.device = this.getAttribute("device");
    follow(this, "device", (id) => id === this.device && this.#refresh());
    follow(this, "devices", () => this.#refresh());
    follow(this, "ack", ({ device }) => device === this.device && this.#renew());
    this.#refresh();
  }

  // Whoever asked, here or elsewhere: the controls stand where the board is.
  #renew() {
    this.renewing ||= setTimeout(() => {
      this.renewing = 0;
      store.renew(this.device).catch(() => {});
    }, SETTLES_MS);
  }

  // A form that somebody fills in stays as it is unless the board declares something else.
  #refresh() {
    const device = store.devices.get(this.device);
    if (!device) return;
    const declared = JSON.stringify([device.commands, device.sends_frames]);
    if (declared !== this.declared) {
      this.declared = declared;
      const commands = Object.entries(device.commands).filter(([name]) => !device.sends_frames || !OWN.has(name)).sort(byMaker);
      this.note = h("p", { class: "quiet" });
      this.shown = commands.map(([name, rules]) => ({ name, ...control(this.device, name, rules ?? {}) }));
      this.fields = h("fieldset", { class: "controls" }, h("legend", { class: "said" }, t("controls")), this.shown.map(({ element }) => element));
      this.replaceChildren(this.note, commands.length ? this.fields : h("p", { class: "quiet" }, t("no_controls")));
    }
    for (const { name, show } of this.shown) show(device.last_args[name]);
    this.fields.disabled = !device.online || !store.mayChange;
    this.note.textContent = !store.mayChange ? t("only_look") : device.online ? "" : t("away");
    this.note.hidden = !this.fields.disabled;
  }
}

customElements.define("device-controls", DeviceControls);

const byMaker = ([a], [b]) => BUILT_IN.indexOf(a) - BUILT_IN.indexOf(b) || a.localeCompare(b);

// Returns the element of a command, and how to show what it was last carried out with.
function control(device, name, rules) {
  const status = h("output", { class: "status" });
  const given = Object.entries(rules);
  const kind = given.length === 1 ? kindOf(given[0][1]) : "";
  const title = h("span", { class: "name" }, bdi(name));
  if (!given.length) {
    const send = () => run(device, name, {}, status);
    return { element: h("div", { class: "control" }, title, h("button", { type: "button", onclick: send }, t("run")), status), show() {} };
  }
  const inputs = given.map(([key, rule]) => (kind === "switch" ? toggle(name, key, rule) : field(key, rule)));
  // What somebody is about to send stays as it is.
  let touches = 0, isTouched = false, shown = "{}";
  const touch = () => {
    touches += 1;
    isTouched = true;
  };
  const show = (args = {}) => {
    const said = JSON.stringify(args);
    if (isTouched || said === shown) return;
    shown = said;
    for (const { key, write } of inputs) write(args[key]);
  };
  const send = async () => {
    const before = touches;
    const args = Object.fromEntries(inputs.map(({ key, read }) => [key, read()]).filter(([, value]) => value !== undefined));
    const isDone = await run(device, name, args, status);
    if (touches === before) isTouched = false;
    return isDone;
  };
  const element = kind === "switch" ? switchOf(title, inputs[0], send, status) : formOf(title, inputs, kind, send, status);
  element.addEventListener("input", touch);
  return { element, show };
}

function switchOf(title, { element: button, flip }, send, status) {
  button.addEventListener("click", async () => {
    if (await send()) flip();
  });
  return h("div", { class: "control" }, title, button, status);
}

function formOf(title, inputs, kind, send, status) {
  const form = h("form", { class: inputs.length > 1 ? "control many" : "control", onsubmit: (event) => {
    event.preventDefault();
    send();
  } }, title, inputs.map(({ element }) => element));
  // What is complete with one movement needs no button.
  if (kind === "slider" || kind === "choice") form.addEventListener("change", () => form.requestSubmit());
  else form.append(h("button", {}, t("send")));
  form.append(status);
  return form;
}

async function run(device, name, args, status) {
  // Of several in a row, the last one's answer counts.
  const mine = status.dataset.number = String(Number(status.dataset.number ?? 0) + 1);
  const say = (kind, ...said) => {
    if (status.dataset.number !== mine) return;
    status.className = `status ${kind}`;
    status.replaceChildren(...said);
  };
  say("pending", t("pending"));
  try {
    const { result } = await ask("POST", pathOf(device, "commands", name), args);
    const said = typeof result === "string" ? result : JSON.stringify(result ?? "");
    if (result === null || result === undefined) say("done", t("done"));
    else say("done", `${t("done")}: `, ...clipped(said, t("more")));
    return true;
  } catch (problem) {
    const [before, after] = t("failed", "\n").split("\n");
    say("failed", before, ...clipped(problem.said, t("more")), after);
    return false;
  }
}
