// Chooses boards: one, those of a group, or all. A choice is a text: "device/…", "group/…", or "" for all.

import { boardsByName, h, nameOf, t, visible } from "../lib/page.js";
import { groupsOf } from "./fleet-filters.js";

/** Returns the choices of boards and of groups, each with its text. */
export function targetOptions() {
  const all = boardsByName();
  return {
    boards: all.map((device) => [`device/${device.id}`, visible(nameOf(device))]),
    groups: groupsOf(all).map((name) => [`group/${name}`, t("of_group", visible(name))]),
  };
}

/**
 * Returns what a choice stands for, as the API has it.
 * @param {string} choice
 * @returns {{device: string | null, group: string | null}}
 */
export function targetOf(choice) {
  const at = choice.indexOf("/");
  const name = choice.slice(at + 1);
  return {
    device: choice.startsWith("device/") ? name : null,
    group: choice.startsWith("group/") ? name : null,
  };
}

/** @type {(target: {device?: string | null, group?: string | null} | null) => string} */
export function choiceOf(target) {
  if (target?.device) return `device/${target.device}`;
  return target?.group ? `group/${target.group}` : "";
}

/**
 * Returns the boards of a choice, in the order of their names.
 * @param {string} choice
 */
export function membersOf(choice) {
  const { device, group } = targetOf(choice);
  return boardsByName().filter(
    ({ id, groups }) => (device === null || id === device) && (group === null || groups.includes(group)),
  );
}

/**
 * Gives a select its choices; what was chosen stays, if it is among them.
 * @type {(element: HTMLSelectElement, options: string[][]) => void}
 */
export function fill(element, options) {
  const before = element.value;
  element.replaceChildren(...options.map(([value, text]) => h("option", { value }, text)));
  if (options.some(([value]) => value === before)) element.value = before;
}
