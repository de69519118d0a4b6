// The inputs of a command's arguments, made from the rules that the board declared.

import { bdi, h, visible } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { inputKindOf, sliderStepOf } from "../lib/rules.js";
import { t } from "../lib/words.js";

/** @import { ArgumentInput, ArgumentRule, Value } from "../lib/types.js" */

/**
 * An input without its label.
 * @typedef {object} Field
 * @property {HTMLInputElement | HTMLSelectElement} input
 * @property {HTMLElement} [shown] the value beside the input
 * @property {() => Value | undefined} read
 * @property {(value?: Value) => void} write without a value: the board's default
 */

/** @type {Record<string, (rule: ArgumentRule) => Field>} */
const MAKERS = { choice, switch: checkbox, slider, text };

/**
 * Returns a switch. It reads as the value to send; `flip` shows that this value was accepted.
 * @param {string} name of the command
 * @param {string} key of the argument
 * @param {ArgumentRule} rule
 * @returns {ArgumentInput & {flip(): void}}
 */
export function toggle(name, key, rule) {
  const element = h("button", { type: "button", role: "switch", "aria-label": visible(`${name} ${key}`) });
  const write = (/** @type {Value} [value] */ value = rule.default ?? false) =>
    element.setAttribute("aria-checked", String(Boolean(value)));
  const read = () => element.getAttribute("aria-checked") !== "true";
  write();
  return { key, element, read, write, flip: () => write(read()) };
}

/**
 * Returns the labelled input of one argument.
 * @param {string} key
 * @param {ArgumentRule} rule
 * @returns {ArgumentInput}
 */
export function field(key, rule) {
  const { input, read, write, shown } = MAKERS[inputKindOf(rule)](rule);
  write();
  const unit = rule.unit ? ` (${visible(rule.unit)})` : "";
  return { key, read, write, element: h("label", {}, h("span", {}, bdi(rule.title || key), unit), input, shown) };
}

/** @type {(rule: ArgumentRule) => Field} */
function choice({ choices = [], default: usual }) {
  // With an empty option first, the first choice can be chosen too.
  const none = h("option", { value: "", disabled: true }, t("not_known"));
  const options = choices.map((value, at) => h("option", { value: at }, visible(value)));
  const input = h("select", { required: true }, none, options);
  const write = (/** @type {Value | undefined} */ value = usual) => {
    const at = value === undefined ? -1 : choices.indexOf(value);
    input.value = at < 0 ? "" : String(at);
  };
  return { input, write, read: () => choices[Number(input.value)] };
}

/** @type {(rule: ArgumentRule) => Field} */
function checkbox({ default: usual = false }) {
  const input = h("input", { type: "checkbox" });
  const write = (/** @type {Value} */ value = usual) => {
    input.checked = Boolean(value);
  };
  return { input, write, read: () => input.checked };
}

/**
 * A slider of an unknown value has its thumb in the middle and shows "–".
 * @type {(rule: ArgumentRule) => Field}
 */
function slider(rule) {
  const { min = 0, max = 0 } = rule;
  const input = h("input", { type: "range", min, max, step: sliderStepOf(rule) });
  const shown = h("output", { class: "number" });
  const show = (/** @type {boolean} */ isKnown) => {
    shown.textContent = isKnown ? formatNumber(input.valueAsNumber) : "–";
    if (isKnown) input.removeAttribute("aria-valuetext");
    else input.setAttribute("aria-valuetext", t("not_known"));
  };
  const write = (/** @type {Value | undefined} */ value = rule.default) => {
    input.value = String(value ?? (min + max) / 2);
    show(value !== undefined);
  };
  input.addEventListener("input", () => show(true));
  return { input, shown, write, read: () => input.valueAsNumber };
}

/** @type {(rule: ArgumentRule) => Field} */
function text(rule) {
  const isNumber = rule.type !== "string";
  const step = rule.step ?? (rule.type === "integer" ? 1 : "any");
  const limits = isNumber
    ? { type: "number", step, min: rule.min, max: rule.max }
    : { type: "text", maxlength: 256, dir: "auto" };
  const input = h("input", { ...limits, autocomplete: "off", required: rule.default === undefined });
  const write = (/** @type {Value | undefined} */ value = rule.default) => {
    if (value !== undefined) input.value = String(value);
  };
  const read = () => {
    if (!isNumber) return input.value;
    return input.value === "" && rule.default === undefined ? undefined : input.valueAsNumber;
  };
  return { input, write, read };
}
