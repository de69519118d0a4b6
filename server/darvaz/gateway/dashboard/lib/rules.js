// Which input suits an argument, by the rule that the board declared for it.

import { compareNames } from "./fold.js";
import { own } from "./own.js";
import { language } from "./words.js";

/** @import { ArgumentRule, Arguments, Device, Words } from "./types.js" */

// From this range on, a slider without a declared step has steps of 1.
const WHOLE_STEPS_FROM = 20;
const SLIDER_STEPS = 100;

/**
 * @param {ArgumentRule} rule
 * @returns {"choice" | "switch" | "slider" | "text"}
 */
export function inputKindOf(rule) {
  if (rule.choices) return "choice";
  if (rule.type === "boolean") return "switch";
  if (rule.type !== "string" && rule.min !== undefined && rule.max !== undefined) return "slider";
  return "text";
}

/**
 * Returns how far apart two values of a slider are.
 * @param {ArgumentRule} rule
 */
export function sliderStepOf({ type, min = 0, max = 0, step }) {
  if (step !== undefined) return step;
  return type === "integer" || max - min >= WHOLE_STEPS_FROM ? 1 : (max - min) / SLIDER_STEPS;
}

/**
 * Returns the commands of a device for its page: in the order that its maker gave, those of the library last.
 * @param {Device} device
 * @returns {[name: string, rules: Record<string, ArgumentRule>, words: Words | undefined][]}
 */
export function commandsOf({ commands, sends_frames: isCamera, words }) {
  const shown = Object.keys(commands).filter((name) => !isCamera || !GATEWAY_ONLY.has(name));
  const byOrder = orderOf(words?.commands);
  shown.sort((a, b) => BUILT_IN.indexOf(a) - BUILT_IN.indexOf(b) || byOrder(a, b));
  return shown.map((name) => [name, commands[name] ?? {}, own(words?.commands ?? {}, name)]);
}

/**
 * Returns how to compare names: by the maker's order, then as people order names.
 * @param {Record<string, Words>} [words]
 * @returns {(a: string, b: string) => number}
 */
export function orderOf(words = {}) {
  const placeOf = (/** @type {string} */ name) => own(words, name)?.order ?? Number.MAX_SAFE_INTEGER;
  return (a, b) => placeOf(a) - placeOf(b) || compareNames(a, b);
}

/**
 * Returns what people call a command or a value, in their language if its maker knew that.
 * @param {Words | undefined} words
 * @param {string} name
 */
export function titleOf(words, name) {
  const title = words?.title;
  if (typeof title !== "object") return title || name;
  return own(title, language()) || own(title, "en") || Object.values(title)[0] || name;
}

/**
 * Returns the first command of a device that turns one thing on and off, or null.
 * @param {Device} device
 */
export function switchOf(device) {
  for (const [name, rules] of commandsOf(device)) {
    const [[key, rule], ...more] = Object.entries(rules).length ? Object.entries(rules) : [["", null]];
    if (rule && !more.length && inputKindOf(rule) === "switch") return { name, key, rule };
  }
  return null;
}

/**
 * Returns the arguments that a command stands at: those it was last carried out with, or the value of telemetry that
 * shows its state.
 * @type {(device: Device, name: string) => Arguments | undefined}
 */
export function stateOf({ last_args, words, values, commands }, name) {
  const shown = own(words?.commands ?? {}, name)?.state;
  const value = shown === undefined ? undefined : own(values, shown)?.value;
  const [key, ...more] = Object.keys(own(commands, name) ?? {});
  if (value === undefined || value === null || key === undefined || more.length) return own(last_args, name);
  return { [key]: value };
}

// The gateway itself sends this command to cameras.
const GATEWAY_ONLY = new Set(["stream"]);
const BUILT_IN = ["info", "reboot"];
