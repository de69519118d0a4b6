// The form that makes or changes a rule: when something is so, a command or a message.

import { valueNamesOf } from "../lib/about-values.js";
import { numberOf } from "../lib/alert-text.js";
import { compareNames } from "../lib/fold.js";
import { own } from "../lib/own.js";
import { h, t, visible } from "../lib/page.js";
import { weekDays } from "../lib/rule-text.js";
import { titleOf } from "../lib/rules.js";
import { argumentsIn, choiceFields } from "./control-fields.js";
import { labelled, panel, row, submitted } from "./page-parts.js";
import { choiceOf, fill, membersOf, targetOf, targetOptions } from "./targets.js";

/** @import { ArgumentInput, Rule } from "../lib/types.js" */

const KINDS = ["time", "below", "above", "is", "offline", "online"];
const COMPARED = ["below", "above", "is"];
const MINUTE_S = 60;
let forms = 0;

/**
 * @param {(fields: Record<string, unknown>) => void} onsave
 * @param {() => void} oncancel
 */
export function ruleForm(onsave, oncancel) {
  const when = select(KINDS.map((kind) => [kind, t(`rule_${kind}_kind`)]));
  const of = select([]);
  const names = h("datalist", { id: `rule-values-${++forms}` });
  const value = h("input", { list: names.id, maxlength: 64, dir: "auto", autocomplete: "off" });
  const threshold = h("input", { maxlength: 256, size: 8, autocomplete: "off" });
  const minutes = h("input", { inputmode: "decimal", size: 4, maxlength: 8, autocomplete: "off" });
  const at = h("input", { type: "time" });
  const boxes = weekDays().map((day) => ({ day, box: h("input", { type: "checkbox", checked: true }) }));
  const days = h(
    "fieldset",
    { class: "row", "aria-label": t("rule_days") },
    boxes.map(({ day, box }) => h("label", {}, box, h("span", {}, t(`day_${day}`)))),
  );
  const missed = h("input", { type: "checkbox" });
  const what = select([
    ["command", t("rule_command")],
    ["message", t("rule_message")],
  ]);
  const to = select([]);
  const command = select([]);
  const args = h("fieldset", { class: "row" });
  const text = h("input", { maxlength: 256, size: 32, dir: "auto", autocomplete: "off" });
  const title = h("input", { maxlength: 64, dir: "auto", autocomplete: "off" });
  /** @type {ArgumentInput[]} */
  let inputs = [];

  const parts = {
    of: labelled("rule_of", of),
    value: labelled("rule_value", value),
    threshold: labelled("rule_number", threshold),
    minutes: labelled("rule_for", minutes),
    at: labelled("rule_at", at),
    missed: h("label", {}, missed, h("span", {}, t("rule_missed"))),
    to: labelled("rule_to", to),
    command: labelled("command", command),
    text: labelled("rule_text", text),
  };
  const heading = h("h2", {}, t("rule_new"));
  const cancel = h("button", { type: "button", class: "quiet", hidden: true, onclick: oncancel }, t("cancel"));

  const targets = () => membersOf(to.value);
  const showKinds = () => {
    const kind = when.value;
    parts.at.hidden = days.hidden = parts.missed.hidden = kind !== "time";
    parts.of.hidden = kind === "time";
    parts.value.hidden = parts.threshold.hidden = !COMPARED.includes(kind);
    parts.minutes.hidden = kind === "time" || kind === "online";
    at.required = kind === "time";
    value.required = threshold.required = COMPARED.includes(kind);
    const isCommand = what.value === "command";
    // What is hidden must not be asked for.
    parts.to.hidden = parts.command.hidden = args.hidden = args.disabled = !isCommand;
    parts.text.hidden = isCommand;
    text.required = !isCommand;
    const found = new Set(membersOf(of.value).flatMap(valueNamesOf));
    names.replaceChildren(...[...found].slice(0, 100).map((name) => h("option", { value: name })));
  };
  const showCommands = (chosen = command.value) => {
    const found = [...new Set(targets().flatMap(({ commands }) => Object.keys(commands)))].sort(compareNames);
    const wordsOf = (/** @type {string} */ name) =>
      targets()
        .map(({ words }) => own(words?.commands ?? {}, name))
        .find(Boolean);
    const all = chosen && !found.includes(chosen) ? [chosen, ...found] : found;
    command.replaceChildren(...all.map((name) => h("option", { value: name }, visible(titleOf(wordsOf(name), name)))));
    if (chosen) command.value = chosen;
    showArguments({});
  };
  const showArguments = (/** @type {Record<string, any>} */ given) => {
    const rules =
      targets()
        .map(({ commands }) => own(commands, command.value))
        .find(Boolean) ?? {};
    inputs = choiceFields(rules);
    for (const input of inputs) if (Object.hasOwn(given, input.key)) input.write(given[input.key]);
    args.replaceChildren(...inputs.map(({ element }) => element));
  };
  when.addEventListener("change", showKinds);
  what.addEventListener("change", showKinds);
  of.addEventListener("change", showKinds);
  to.addEventListener("change", () => showCommands(""));
  command.addEventListener("change", () => showArguments({}));

  const fields = () => {
    const kind = when.value;
    const isCommand = what.value === "command";
    const nobody = { device: null, group: null };
    const about = kind === "time" ? nobody : targetOf(of.value);
    const receiver = isCommand ? targetOf(to.value) : nobody;
    const number = numberOf(threshold.value);
    const plain = threshold.value.trim();
    const isTrue = plain === "true" || plain === t("on");
    const truth = isTrue || plain === "false" || plain === t("off") ? isTrue : plain;
    return {
      when: kind,
      title: title.value.trim(),
      ...about,
      value: COMPARED.includes(kind) ? value.value.trim() : null,
      threshold: COMPARED.includes(kind) ? (kind === "is" && Number.isNaN(number) ? truth : number) : null,
      for_s: parts.minutes.hidden ? 0 : (numberOf(minutes.value) || 0) * MINUTE_S,
      at: kind === "time" ? at.value : null,
      days: boxes.filter(({ box }) => box.checked).map(({ day }) => day),
      missed: missed.checked && kind === "time" ? "run" : "skip",
      command: isCommand ? command.value : null,
      args: isCommand ? argumentsIn(inputs) : {},
      to_device: receiver.device,
      to_group: receiver.group,
      message: isCommand ? null : text.value.trim(),
    };
  };
  const offer = () => {
    const { boards, groups } = targetOptions();
    fill(of, [["", t("all_boards")], ...groups, ...boards]);
    fill(to, [...boards, ...groups]);
  };
  const write = (/** @type {Rule | null} */ rule) => {
    heading.textContent = t(rule ? "rule_edit" : "rule_new");
    cancel.hidden = !rule;
    offer();
    when.value = rule?.when ?? "time";
    of.value = choiceOf(rule);
    value.value = rule?.value ?? "";
    threshold.value = rule?.threshold === null || rule === null ? "" : thresholdText(rule.threshold);
    minutes.value = rule?.for_s ? String(rule.for_s / MINUTE_S) : "";
    at.value = rule?.at ?? "";
    for (const { day, box } of boxes) box.checked = rule?.days.includes(day) ?? true;
    missed.checked = rule?.missed === "run";
    what.value = rule && rule.message !== null ? "message" : "command";
    const receiver = choiceOf(rule && { device: rule.to_device, group: rule.to_group });
    if (receiver) to.value = receiver;
    showCommands(rule?.command ?? "");
    showArguments(rule?.args ?? {});
    text.value = rule?.message ?? "";
    title.value = rule?.title ?? "";
    showKinds();
  };
  const onsubmit = submitted(() => onsave(fields()));
  const form = h(
    "form",
    { onsubmit, class: "rule-form" },
    row(labelled("rule_when", when), parts.of, parts.value, parts.threshold, parts.minutes, parts.at, days, names),
    row(parts.missed),
    row(labelled("rule_then", what), parts.to, parts.command, args, parts.text),
    row(labelled("rule_title", title), h("button", {}, t("rule_save")), cancel),
  );
  write(null);
  return { element: panel(heading, form), write };
}

/** @param {unknown} threshold */
function thresholdText(threshold) {
  return typeof threshold === "boolean" ? t(threshold ? "on" : "off") : String(threshold);
}

/** @param {string[][]} options */
function select(options) {
  const element = h("select", {});
  fill(element, options);
  return element;
}
