// The inputs of a command's arguments, made from the rules that the board declared.

import {
  bdi,
  button,
  formatNumber,
  h,
  inputKindOf,
  option,
  plainDigits,
  sliderStepOf,
  t,
  textInput,
  visible,
} from "./page-parts.js";

/** @import { ArgumentInput, ArgumentRule, Arguments, Value } from "../lib/types.js" */

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
// Of a number that somebody types: Persian digits too, which a number input would refuse without a word.
const NUMBER = "[-+]?[0-9۰-۹٠-٩]*[.٫,]?[0-9۰-۹٠-٩]*([eE][-+]?[0-9]+)?";

/**
 * Returns a switch, or two buttons while it is not known whether it is on. It reads as the value that was last chosen;
 * `flip` shows that this value was accepted, `onchoose` is called with each choice.
 * @param {string} name of the command, for people
 * @param {string} key of the argument
 * @param {ArgumentRule} rule
 * @param {() => unknown} onchoose
 * @returns {ArgumentInput & {flip(): void}}
 */
export function toggle(name, key, rule, onchoose) {
  const label = visible(`${name} ${rule.title || key}`);
  let isOn = false;
  let chosen = false;
  const choose = (/** @type {boolean} */ is) => {
    chosen = is;
    onchoose();
  };
  const single = h("button", { type: "button", role: "switch", "aria-label": label, onclick: () => choose(!isOn) });
  /** @type {(is: boolean) => HTMLButtonElement} */
  const either = (is) => button(is ? "on" : "off", () => choose(is));
  // While nobody knows whether it is on, a switch would say that it is off: both are offered.
  const unknown = h("span", { role: "group", class: "either", "aria-label": label }, either(true), either(false));
  const element = h("span", { class: "toggle" }, rule.title && bdi(rule.title, { class: "quiet" }), unknown, single);
  const write = (/** @type {Value | undefined} */ value = rule.default) => {
    const hadFocus = element.contains(document.activeElement);
    isOn = Boolean(value);
    unknown.hidden = value !== undefined;
    single.hidden = value === undefined;
    single.setAttribute("aria-checked", String(isOn));
    // The button that was pressed may be gone now.
    if (hadFocus && !single.hidden) single.focus();
  };
  write();
  return { key, element, read: () => chosen, write, flip: () => write(chosen) };
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

/**
 * Returns the inputs of a command to many boards. A truth value is a choice: it has no state before.
 * @param {Record<string, ArgumentRule>} rules
 */
export function choiceFields(rules) {
  const options = { true: t("on"), false: t("off") };
  return Object.entries(rules).map(([key, rule]) =>
    field(
      key,
      inputKindOf(rule) === "switch" ? { ...rule, default: undefined, choices: [true, false], options } : rule,
    ),
  );
}

/**
 * Returns the arguments that inputs hold; one that is left empty is not among them.
 * @param {ArgumentInput[]} inputs
 * @returns {Arguments}
 */
export function argumentsIn(inputs) {
  const given = inputs.map(({ key, read }) => [key, read()]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** @type {(rule: ArgumentRule) => Field} */
function choice({ choices = [], default: usual, options = {} }) {
  // With an empty option first, the first choice can be chosen too.
  const none = h("option", { value: "", disabled: true }, t("not_known"));
  const titled = choices.map((value, at) => option(at, visible(options[String(value)] ?? value)));
  const input = h("select", { required: true }, none, titled);
  const write = (/** @type {Value | undefined} */ value = usual) => {
    const at = value === undefined ? -1 : choices.indexOf(value);
    input.value = at < 0 ? "" : String(at);
  };
  return { input, write, read: () => choices[Number(input.value)] };
}

/** @type {(rule: ArgumentRule) => Field} */
function checkbox({ default: usual }) {
  const input = h("input", { type: "checkbox" });
  const write = (/** @type {Value | undefined} */ value = usual) => {
    input.checked = Boolean(value);
    // Neither on nor off is known.
    input.indeterminate = value === undefined;
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
  const ends = `${formatNumber(min)} – ${formatNumber(max)}`;
  input.title = ends;
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
  const isOptional = rule.default !== undefined;
  if (rule.type === "string") {
    const input = textInput(256, { required: !isOptional });
    return { input, read: () => input.value, write: writerOf(input, rule) };
  }
  const inputmode = rule.type === "integer" ? "numeric" : "decimal";
  const properties = {
    type: "text",
    inputmode,
    pattern: NUMBER,
    dir: "ltr",
    autocomplete: "off",
    required: !isOptional,
  };
  const input = h("input", { ...properties, placeholder: rangeOf(rule), class: "typed" });
  const read = () => {
    const number = Number(plainDigits(input.value));
    return input.value.trim() === "" || Number.isNaN(number) ? undefined : number;
  };
  input.addEventListener("input", () => input.setCustomValidity(problemOf(read(), rule)));
  return { input, read, write: writerOf(input, rule) };
}

/** @type {(input: HTMLInputElement, rule: ArgumentRule) => (value?: Value) => void} */
function writerOf(input, rule) {
  return (value = rule.default) => {
    if (value !== undefined) input.value = String(value);
  };
}

/** @param {ArgumentRule} rule */
function rangeOf({ min, max }) {
  if (min === undefined && max === undefined) return undefined;
  return `${min === undefined ? "" : formatNumber(min)} – ${max === undefined ? "" : formatNumber(max)}`;
}

/** @type {(value: Value | undefined, rule: ArgumentRule) => string} */
function problemOf(value, { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, type }) {
  if (typeof value !== "number") return "";
  if (value < min) return t("at_least", formatNumber(min));
  if (value > max) return t("at_most", formatNumber(max));
  return type === "integer" && !Number.isInteger(value) ? t("whole_number") : "";
}
