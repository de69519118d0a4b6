// The inputs of a command's arguments, made from the rules that the board declared: each reads and writes its value;
// writing nothing goes back to the board's default.

import { bdi, h, visible } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { t } from "../lib/words.js";

export function kindOf(rule) {
  if (rule.choices) return "choice";
  if (rule.type === "boolean") return "switch";
  if (rule.type !== "string" && rule.min !== undefined && rule.max !== undefined) return "slider";
  return "text";
}

/** Returns a switch, which reads what it is to become, and flips when it became so. */
export function toggle(name, key, rule) {
  const element = h("button", { type: "button", role: "switch", "aria-label": visible(`${name} ${key}`) });
  const write = (value) => element.setAttribute("aria-checked", String(Boolean(value ?? rule.default)));
  const read = () => element.getAttribute("aria-checked") !== "true";
  write();
  return { key, element, read, write, flip: () => write(read()) };
}

/** Returns a labelled input of one argument. */
export function field(key, rule) {
  const { input, read, write, shown } = { choice, switch: check, slider, text }[kindOf(rule)](rule);
  const title = rule.title || key;
  return { key, read, write, element: h("label", {}, h("span", {}, bdi(title), rule.unit ? ` (${visible(rule.unit)})` : ""), input, shown) };
}

// Without a first one that is nothing, the first choice could not be chosen.
function choice(rule) {
  const input = h("select", { required: true }, h("option", { value: "", disabled: true }, t("not_known")),
    rule.choices.map((value, at) => h("option", { value: at }, visible(value))));
  const write = (value) => {
    const at = rule.choices.indexOf(value ?? rule.default);
    input.value = at < 0 ? "" : at;
  };
  write();
  return { input, write, read: () => rule.choices[Number(input.value)] };
}

function check(rule) {
  const input = h("input", { type: "checkbox" });
  const write = (value) => {
    input.checked = Boolean(value ?? rule.default);
  };
  write();
  return { input, write, read: () => input.checked };
}

// Where nothing is known the thumb stands in the middle, and says that it means nothing.
function slider(rule) {
  const step = rule.step ?? (rule.type === "integer" || rule.max - rule.min >= 20 ? 1 : (rule.max - rule.min) / 100);
  const input = h("input", { type: "range", min: rule.min, max: rule.max, step });
  const shown = h("output", { class: "number" });
  const tell = (isKnown) => {
    shown.textContent = isKnown ? number(input.valueAsNumber) : "–";
    if (isKnown) input.removeAttribute("aria-valuetext");
    else input.setAttribute("aria-valuetext", t("not_known"));
  };
  const write = (value = rule.default) => {
    input.value = value ?? (rule.min + rule.max) / 2;
    tell(value !== undefined);
  };
  write();
  input.addEventListener("input", () => tell(true));
  return { input, shown, write, read: () => input.valueAsNumber };
}

function text(rule) {
  const isNumber = rule.type !== "string";
  const bounds = isNumber ? { type: "number", step: rule.step ?? (rule.type === "integer" ? 1 : "any"), min: rule.min, max: rule.max } : { type: "text", maxlength: 256, dir: "auto" };
  const input = h("input", { ...bounds, autocomplete: "off", required: rule.default === undefined });
  const write = (value = rule.default) => {
    if (value !== undefined) input.value = value;
  };
  write();
  return { input, write, read: () => (input.value === "" && rule.default === undefined && isNumber ? undefined : isNumber ? input.valueAsNumber : input.value) };
}
