// Which input suits an argument, by the rule that the board declared for it.

/** @import { ArgumentRule } from "./types.js" */

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
 * Returns the commands of a device for its page: those of the board's program first, then those of the library.
 * @param {import("./types.js").Device} device
 * @returns {[name: string, rules: Record<string, ArgumentRule>][]}
 */
export function commandsOf({ commands, sends_frames: isCamera }) {
  const shown = Object.entries(commands).filter(([name]) => !isCamera || !GATEWAY_ONLY.has(name));
  shown.sort(([a], [b]) => BUILT_IN.indexOf(a) - BUILT_IN.indexOf(b) || a.localeCompare(b));
  return shown.map(([name, rules]) => [name, rules ?? {}]);
}

// The gateway itself sends this command to cameras.
const GATEWAY_ONLY = new Set(["stream"]);
const BUILT_IN = ["info", "reboot"];
