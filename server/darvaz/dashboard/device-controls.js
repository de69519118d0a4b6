// The controls of a device, made from the commands that it declared; each shows what became of it.

import { ask, pathOf } from "/pages/api.js";
import { bdi, clipped, h, visible } from "/pages/dom.js";
import { number } from "/pages/format.js";
import { follow, store } from "/pages/store.js";
import { t } from "/pages/words.js";

// What the gateway asks a camera by itself.
const OWN = new Set(["stream"]);
// What the library brings along comes after what the maker wrote.
const BUILT_IN = ["info", "reboot"];

class DeviceControls extends HTMLElement {
  connectedCallback() {
    this.device = this.getAttribute("device");
    follow(this, "device", (id) => id === this.device && this.#refresh());
    follow(this, "devices", () => this.#refresh());
    this.#refresh();
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
      this.fields = h("fieldset", { class: "controls" }, h("legend", { class: "said" }, t("controls")),
        commands.map(([name, rules]) => control(this.device, name, rules ?? {})));
      this.replaceChildren(this.note, commands.length ? this.fields : h("p", { class: "quiet" }, t("no_controls")));
    }
    this.fields.disabled = !device.online || !store.mayChange;
    this.note.textContent = !store.mayChange ? t("only_look") : device.online ? "" : t("away");
    this.note.hidden = !this.fields.disabled;
  }
}

customElements.define("device-controls", DeviceControls);

const byMaker = ([a], [b]) => BUILT_IN.indexOf(a) - BUILT_IN.indexOf(b) || a.localeCompare(b);

function control(device, name, rules) {
  const status = h("output", { class: "status" });
  const send = (args) => run(device, name, args, status);
  const given = Object.entries(rules);
  const kind = given.length === 1 ? kindOf(given[0][1]) : "";
  const title = bdi(name, { class: "name" });
  if (!given.length) return h("div", { class: "control" }, title, h("button", { type: "button", onclick: () => send({}) }, t("run")), status);
  if (kind === "switch") return h("div", { class: "control" }, title, toggle(name, given[0], send), status);
  const inputs = given.map(([key, rule]) => field(key, rule));
  const form = h("form", { class: given.length > 1 ? "control many" : "control", onsubmit: (event) => {
    event.preventDefault();
    send(Object.fromEntries(inputs.map(({ key, read }) => [key, read()]).filter(([, value]) => value !== undefined)));
  } }, title, inputs.map(({ element }) => element));
  // What is complete with one movement needs no button.
  if (kind === "slider" || kind === "choice") form.addEventListener("change", () => form.requestSubmit());
  else form.append(h("button", {}, t("send")));
  form.append(status);
  return form;
}

function kindOf(rule) {
  if (rule.choices) return "choice";
  if (rule.type === "boolean") return "switch";
  if (rule.type !== "string" && rule.min !== undefined && rule.max !== undefined) return "slider";
  return "text";
}

function toggle(name, [key, rule], send) {
  const button = h("button", { type: "button", role: "switch", "aria-checked": String(Boolean(rule.default)), "aria-label": visible(`${name} ${key}`), onclick: async () => {
    const wanted = button.getAttribute("aria-checked") !== "true";
    if (await send({ [key]: wanted })) button.setAttribute("aria-checked", String(wanted));
  } });
  return button;
}

function field(key, rule) {
  const { input, read, shown } = { choice, switch: check, slider, text }[kindOf(rule)](rule);
  const title = rule.title || key;
  return { key, read, element: h("label", {}, h("span", {}, bdi(title), rule.unit ? ` (${visible(rule.unit)})` : ""), input, shown) };
}

function choice(rule) {
  const input = h("select", {}, rule.choices.map((value, at) => h("option", { value: at, selected: value === rule.default }, visible(value))));
  return { input, read: () => rule.choices[Number(input.value)] };
}

function check(rule) {
  const input = h("input", { type: "checkbox", checked: Boolean(rule.default) });
  return { input, read: () => input.checked };
}

function slider(rule) {
  const step = rule.step ?? (rule.type === "integer" || rule.max - rule.min >= 20 ? 1 : (rule.max - rule.min) / 100);
  const middle = rule.default ?? (rule.min + rule.max) / 2;
  const input = h("input", { type: "range", min: rule.min, max: rule.max, step, value: middle });
  input.value = middle;
  const shown = h("output", { class: "number" }, number(input.valueAsNumber));
  input.addEventListener("input", () => {
    shown.textContent = number(input.valueAsNumber);
  });
  return { input, shown, read: () => input.valueAsNumber };
}

function text(rule) {
  const isNumber = rule.type !== "string";
  const bounds = isNumber ? { type: "number", step: rule.step ?? (rule.type === "integer" ? 1 : "any"), min: rule.min, max: rule.max } : { type: "text", maxlength: 256, dir: "auto" };
  const input = h("input", { ...bounds, autocomplete: "off", required: rule.default === undefined });
  if (rule.default !== undefined) input.value = rule.default;
  return { input, read: () => (input.value === "" && rule.default === undefined && isNumber ? undefined : isNumber ? input.valueAsNumber : input.value) };
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
    say("failed", before, ...clipped(problem.message, t("more")), after);
    return false;
  }
}
