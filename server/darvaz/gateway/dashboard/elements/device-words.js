// What people call the commands and values of a device: titles in two languages, icons, order, units, and questions.

import {
  bdi,
  commandsOf,
  DevicePart,
  h,
  hint,
  ICONS,
  orderOf,
  own,
  pathOf,
  plainDigits,
  request,
  resultLine,
  row,
  saving,
  selectOf,
  submitted,
  t,
  table,
} from "./page-parts.js";

/** @import { Words } from "../lib/types.js" */

/** @typedef {{name: string, element: HTMLElement, read(): Words}} WordsRow what is said of one name */

const LANGUAGES = ["en", "fa"];

class DeviceWords extends DevicePart {
  connectedCallback() {
    const ontoggle = () => details.open && this.#draw(details);
    const details = h("details", { ontoggle }, h("summary", {}, h("h2", {}, t("words"))));
    this.replaceChildren(details);
  }

  /** @param {HTMLElement} details */
  #draw(details) {
    const device = this.known;
    if (!device) return;
    const { commands = {}, telemetry = {} } = device.words ?? {};
    const names = Object.keys({ ...device.telemetry, ...device.values }).sort(orderOf(telemetry));
    const commandRows = commandsOf(device).map(([name]) => commandRow(name, own(commands, name) ?? {}, names));
    const valueRows = names.map((name) =>
      valueRow(name, own(telemetry, name) ?? {}, own(device.telemetry, name)?.unit),
    );
    const status = resultLine();
    const onsubmit = submitted(async () => {
      await saving(status, async () => {
        await request("PUT", pathOf(device.id, "words"), {
          commands: saidIn(commandRows),
          telemetry: saidIn(valueRows),
        });
      });
    });
    const form = h(
      "form",
      { onsubmit },
      hint("words_hint"),
      tableOf(["command", "title_en", "title_fa", "icon", "order", "confirm", "shown_by"], commandRows),
      tableOf(["telemetry", "title_en", "title_fa", "order", "unit", "precision"], valueRows),
      row(h("button", {}, t("save")), status),
    );
    details.replaceChildren(/** @type {Node} */ (details.firstElementChild), form);
  }
}

customElements.define("device-words", DeviceWords);

/** @type {(columns: string[], rows: WordsRow[]) => HTMLElement} */
function tableOf(columns, rows) {
  const items = rows.map(({ element }) => element);
  return table(columns, h("tbody", {}, items), columns[0]);
}

/** @type {(rows: WordsRow[]) => Record<string, Words>} */
function saidIn(rows) {
  return Object.fromEntries(rows.map(({ name, read }) => [name, read()]));
}

/** @type {(name: string, words: Words, values: string[]) => WordsRow} */
function commandRow(name, words, values) {
  const titles = titleInputs(name, words);
  const icon = selectOf([["", "–"], ...ICONS.map((key) => [key, key])], `${name}: ${t("icon")}`, words.icon ?? "");
  const order = numberInput(words.order, `${name}: ${t("order")}`);
  const confirm = h("input", {
    type: "checkbox",
    checked: Boolean(words.confirm),
    "aria-label": `${name}: ${t("confirm")}`,
  });
  const state = selectOf(
    [["", "–"], ...values.map((key) => [key, key])],
    `${name}: ${t("shown_by")}`,
    words.state ?? "",
  );
  const read = () => {
    // A question of the maker's own stays, as long as it is asked at all.
    const question = typeof words.confirm === "string" ? words.confirm : true;
    const said = { ...words, title: titles.read(), icon: icon.value, order: numberIn(order), state: state.value };
    return given({ ...said, confirm: confirm.checked ? question : undefined });
  };
  return { name, element: tableRow(name, [titles.inputs, icon, order, confirm, state].flat()), read };
}

/** @type {(name: string, words: Words, unit?: string) => WordsRow} */
function valueRow(name, words, declared) {
  const titles = titleInputs(name, words);
  const order = numberInput(words.order, `${name}: ${t("order")}`);
  const properties = { maxlength: 16, size: 5, dir: "auto", placeholder: declared, value: words.unit ?? "" };
  const unit = h("input", { ...properties, "aria-label": `${name}: ${t("unit")}` });
  const precision = numberInput(words.precision, `${name}: ${t("precision")}`);
  const read = () => {
    const numbers = { order: numberIn(order), precision: numberIn(precision) };
    return given({ ...words, ...numbers, title: titles.read(), unit: unit.value.trim() });
  };
  return { name, element: tableRow(name, [...titles.inputs, order, unit, precision]), read };
}

/** @type {(name: string, inputs: HTMLElement[]) => HTMLElement} */
function tableRow(name, inputs) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, bdi(name)),
    inputs.map((input) => h("td", {}, input)),
  );
}

/** @type {(name: string, words: Words) => {inputs: HTMLInputElement[], read(): Record<string, string> | undefined}} */
function titleInputs(name, { title }) {
  const titles = typeof title === "string" ? { en: title } : { ...title };
  const inputs = LANGUAGES.map((code) => {
    const value = own(/** @type {Record<string, string>} */ (titles), code) ?? "";
    return h("input", {
      value,
      maxlength: 64,
      dir: "auto",
      lang: code,
      "aria-label": `${name}: ${t(`title_${code}`)}`,
    });
  });
  const read = () => {
    const said = LANGUAGES.map((code, at) => [code, inputs[at].value.trim()]).filter(([, text]) => text);
    // Titles in other languages stay.
    const rest = Object.entries(titles).filter(([code]) => !LANGUAGES.includes(code));
    return said.length + rest.length ? Object.fromEntries([...rest, ...said]) : undefined;
  };
  return { inputs, read };
}

/** @type {(value: number | undefined, label: string) => HTMLInputElement} */
function numberInput(value, label) {
  return h("input", { value: value ?? "", inputmode: "numeric", size: 4, dir: "ltr", "aria-label": label });
}

/** @param {HTMLInputElement} input */
function numberIn({ value }) {
  const text = plainDigits(value);
  return text === "" ? undefined : Number(text);
}

/**
 * Returns what is said; what is empty is not.
 * @param {Record<string, unknown>} words
 * @returns {Words}
 */
function given(words) {
  return Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined && value !== ""));
}
