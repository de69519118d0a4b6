// The filters over the list of devices, and the choice between cards and a table.

import { ALL_COLUMNS, chosenColumns, showColumn } from "../lib/columns.js";
import { compareNames, fold } from "../lib/fold.js";
import { h, store, t, visible } from "../lib/page.js";
import { icon } from "./icon.js";
import { button, option } from "./page-parts.js";

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
  const search = h("input", {
    type: "search",
    dir: "auto",
    placeholder: t("search_hint"),
  });
  search.addEventListener("input", () => onchange({ q: search.value }));
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
    state.draw(
      STATES.map((name) => [name, t(`filter_${name}`)]),
      filter.state,
    );
    group.draw(
      groupsOf(devices).map((name) => [name, visible(name)]),
      filter.group,
    );
    kind.draw(
      distinct(devices, "kind").map((name) => [name, t(`kind_${name}`)]),
      filter.kind,
    );
    version.draw(
      distinct(devices, "version").map((name) => [name, visible(name)]),
      filter.version,
    );
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
    const box = h("input", { type: "checkbox", checked: chosen.includes(column) });
    box.addEventListener("change", () => {
      showColumn(column, box.checked);
      onchoose();
    });
    return h("label", {}, box, " ", t(`column_${column}`));
  });
  return h(
    "details",
    { class: "choose-columns" },
    h("summary", { class: "button quiet" }, t("columns")),
    h("div", { class: "panel" }, boxes),
  );
}

/** @type {(key: "state" | "group" | "kind" | "version", onchange: (change: Partial<FleetFilter>) => void) => {label: HTMLElement, draw(options: string[][], value: string): void}} */
function choice(key, onchange) {
  const select = h("select", { "aria-label": t(`column_${key}`) });
  select.addEventListener("change", () => onchange({ [key]: select.value }));
  const label = h("label", {}, select);
  let drawn = "";
  /** @type {(options: string[][], value: string) => void} */
  const draw = (options, value) => {
    // One value of all boards filters nothing.
    label.hidden = options.length < (key === "group" ? 1 : 2) && !value;
    const shown = JSON.stringify([options, value]);
    if (shown === drawn) return;
    drawn = shown;
    const all = option("", t(`all_${key}`));
    const known = options.some(([name]) => name === value) || !value ? options : [...options, [value, visible(value)]];
    select.replaceChildren(all, ...known.map(([name, text]) => option(name, text)));
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
