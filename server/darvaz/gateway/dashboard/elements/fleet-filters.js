// The filters over the list of devices, and the choice between cards and a table.

import { ALL_COLUMNS, chosenColumns, showColumn } from "../lib/columns.js";
import { button, compareNames, fold, h, icon, option, store, t, visible } from "./page-parts.js";

/** @import { Device } from "../lib/types.js" */
/** @import { FleetFilter } from "../lib/fleet.js" */

// With fewer devices there is nothing to filter.
const FILTERS_FROM = 4;
const STATES = ["online", "offline", "problem", "safe_mode", "weak", "memory"];

/**
 * @param {(change: Partial<FleetFilter>) => void} onchange
 * @param {() => void} onselect begins or ends the selection
 */
export function fleetFilters(onchange, onselect) {
  // Made once, so that typed text stays when devices are added.
  /** @type {HTMLInputElement} */
  const search = h("input", {
    type: "search",
    dir: "auto",
    placeholder: t("search_hint"),
    oninput: () => onchange({ q: search.value }),
  });
  const state = choice("state", onchange);
  const group = choice("group", onchange);
  const kind = choice("kind", onchange);
  const version = choice("version", onchange);
  const table = h("button", { type: "button", class: "quiet" }, icon("table"), h("span", {}, t("as_table")));
  let isTable = false;
  table.addEventListener("click", () => onchange({ view: isTable ? "" : "table" }));
  const columns = columnChoice(() => onchange({}));
  const select = button("select_many", onselect);
  const reset = () => onchange({ q: "", state: "", group: "", kind: "", version: "", sort: "" });
  const clear = button("clear_filters", reset, "link");
  const searchBox = h("label", { class: "search" }, h("span", { class: "visually-hidden" }, t("search")), search);
  const choices = [state, group, kind, version];
  const tools = h("span", { class: "row tools" }, clear, store.mayChange && select, columns, table);
  const element = h(
    "div",
    { class: "row fleet-filters" },
    searchBox,
    choices.map(({ label }) => label),
    tools,
  );
  /** @type {(filter: FleetFilter, devices: Device[], isSelecting: boolean) => void} */
  const draw = (filter, devices, isSelecting) => {
    if (search !== document.activeElement) search.value = filter.q;
    state.draw(STATES, filter, (name) => t(`filter_${name}`));
    group.draw(groupsOf(devices), filter, visible);
    kind.draw(distinct(devices, "kind"), filter, (name) => t(`kind_${name}`));
    version.draw(distinct(devices, "version"), filter, visible);
    isTable = filter.view === "table";
    table.setAttribute("aria-pressed", String(isTable));
    columns.hidden = !isTable;
    select.setAttribute("aria-pressed", String(isSelecting));
    clear.hidden = !(filter.q || filter.state || filter.group || filter.kind || filter.version || filter.sort);
    searchBox.hidden = devices.length < FILTERS_FROM && !filter.q;
  };
  return { element, draw };
}

/** @param {() => void} onchoose */
function columnChoice(onchoose) {
  const chosen = chosenColumns();
  const boxes = ALL_COLUMNS.map((column) => {
    const onchange = () => {
      showColumn(column, box.checked);
      onchoose();
    };
    const box = h("input", { type: "checkbox", checked: chosen.includes(column), onchange });
    return h("label", {}, box, " ", t(`column_${column}`));
  });
  return h(
    "details",
    { class: "choose-columns" },
    h("summary", { class: "button quiet" }, t("columns")),
    h("div", { class: "panel" }, boxes),
  );
}

/** @type {(key: "state" | "group" | "kind" | "version", onchange: (change: Partial<FleetFilter>) => void) => {label: HTMLElement, draw(names: string[], filter: FleetFilter, textOf: (name: string) => string): void}} */
function choice(key, onchange) {
  /** @type {HTMLSelectElement} */
  const select = h("select", { "aria-label": t(`column_${key}`), onchange: () => onchange({ [key]: select.value }) });
  const label = h("label", {}, select);
  let drawn = "";
  /** @type {(names: string[], filter: FleetFilter, textOf: (name: string) => string) => void} */
  const draw = (names, { [key]: value }, textOf) => {
    // One value of all boards filters nothing.
    label.hidden = names.length < (key === "group" ? 1 : 2) && !value;
    const shown = JSON.stringify([names, value]);
    if (shown === drawn) return;
    drawn = shown;
    const strange = value && !names.includes(value) && option(value, visible(value));
    select.replaceChildren(
      option("", t(`all_${key}`)),
      ...names.map((name) => option(name, textOf(name))),
      strange || "",
    );
    select.value = value;
    select.classList.toggle("chosen", value !== "");
  };
  return { label, draw };
}

/** @type {(devices: Device[], key: "kind" | "version") => string[]} */
function distinct(devices, key) {
  const values = new Set(devices.map((device) => device[key] ?? ""));
  values.delete("");
  return [...values].sort(compareNames);
}

/**
 * Returns the groups of devices, each once.
 * @param {Iterable<Device>} devices
 */
export function groupsOf(devices) {
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const { groups } of devices) for (const name of groups) if (!names.has(fold(name))) names.set(fold(name), name);
  return [...names.values()].sort(compareNames);
}
