// What can be done with all selected devices at once: a command, groups, an export. Each device has its own result.

import { chartHashOf, SERIES_MAX } from "../lib/chart-state.js";
import { COLUMNS, csvOf } from "../lib/fleet.js";
import { loadScript } from "../lib/load-script.js";
import { saveFile } from "../lib/save-file.js";
import { argumentsIn, choiceFields } from "./control-fields.js";
import { groupsOf } from "./fleet-filters.js";
import {
  announce,
  attempt,
  bdi,
  boardName,
  button,
  commonValueOf,
  compareNames,
  formatIso,
  formatNumber,
  formOf,
  h,
  hint,
  inLanguage,
  isConfirmed,
  labelled,
  option,
  own,
  reasonOf,
  request,
  resultLine,
  row,
  saving,
  store,
  t,
  textInput,
  titleOf,
  visible,
} from "./page-parts.js";
import { resultParts } from "./result-parts.js";

/** @import { ArgumentInput, Device, Value } from "../lib/types.js" */
/** @typedef {{device: string, status: string, code?: string, result?: any, detail?: string}} Outcome */

// The gateway takes this number of devices in one request.
const SLICE = 200;
// A command to more boards than this is asked about.
const ASK_FROM = 20;

/**
 * @param {() => Device[]} selected
 * @param {(isAll: boolean) => void} onselect selects all that are shown, or none
 */
export function batchBar(selected, onselect) {
  const count = h("strong", { role: "status" });
  const panel = h("div", { class: "batch-panel", hidden: true });
  const open = (/** @type {(devices: Device[], panel: HTMLElement) => void | Promise<void>} */ fill) => async () => {
    const devices = selected();
    if (!devices.length) return;
    const status = resultLine();
    panel.hidden = false;
    if (await attempt(status, async () => fill(devices, panel)))
      /** @type {HTMLElement | null} */ (panel.querySelector("select, input, button"))?.focus();
    else panel.replaceChildren(status);
  };
  const buttons = [
    button("batch_command", open(commandPanel)),
    button("batch_groups", open(groupPanel)),
    ...(store.mayChange ? [button("batch_release", open(releasePanel))] : []),
    button("compare", () => compare(selected())),
    button("batch_export", () => save(selected())),
  ];
  const all = button("select_all", () => onselect(true), "link");
  const none = button("select_none", () => onselect(false), "link");
  const bar = row(count, all, none, h("span", { class: "row tools" }, buttons));
  const element = h("section", { class: "batch", hidden: true, "aria-label": t("select_many") }, bar, panel);
  const draw = () => {
    const number = selected().length;
    count.textContent = t("count_selected", formatNumber(number));
    for (const one of buttons) one.disabled = !number;
    if (!number) panel.hidden = true;
  };
  return { element, draw };
}

/** @type {(devices: Device[], panel: HTMLElement) => void} */
function commandPanel(devices, panel) {
  const counts = new Map();
  for (const { commands } of devices)
    for (const name of Object.keys(commands)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || compareNames(a, b));
  if (!names.length) {
    panel.replaceChildren(h("p", {}, t("no_controls")));
    return;
  }
  const options = names.map((name) => {
    const owner = devices.find(({ commands }) => own(commands, name));
    const text = `${visible(titleOf(own(owner?.words?.commands ?? {}, name), name))} (${formatNumber(counts.get(name))})`;
    return option(name, text);
  });
  const choice = h("select", {}, options);
  const fields = h("span", { class: "row" });
  const results = h("div", { "aria-live": "polite" });
  /** @type {ArgumentInput[]} */
  let inputs = [];
  const showFields = () => {
    const rules = devices.map(({ commands }) => own(commands, choice.value)).find(Boolean) ?? {};
    inputs = choiceFields(rules);
    fields.replaceChildren(...inputs.map(({ element }) => element));
  };
  choice.addEventListener("change", showFields);
  showFields();
  const send = h("button", {}, t("send_to", formatNumber(devices.length)));
  const onsend = async () => {
    const name = choice.value;
    const question = t("confirm_many", `${visible(name)} → ${formatNumber(devices.length)}`);
    const isAsked = name === "reboot" || devices.length >= ASK_FROM;
    if (send.disabled || (isAsked && !(await isConfirmed(question, t("run"))))) return;
    send.disabled = true;
    results.replaceChildren(hint("pending"));
    const outcomes = await sendToAll(devices, name, argumentsIn(inputs));
    showOutcomes(results, outcomes);
    send.disabled = false;
  };
  panel.replaceChildren(formOf(onsend, labelled("command", choice), fields, send), results);
}

/** @param {Device[]} devices */
function* slicesOf(devices) {
  for (let at = 0; at < devices.length; at += SLICE) yield devices.slice(at, at + SLICE).map(({ id }) => id);
}

/** @type {(devices: Device[], name: string, args: Record<string, Value>) => Promise<Outcome[]>} */
async function sendToAll(devices, name, args) {
  /** @type {Outcome[]} */
  const outcomes = [];
  for (const ids of slicesOf(devices)) {
    try {
      const { results } = await request("POST", `/api/commands/${encodeURIComponent(name)}`, { devices: ids, args });
      for (const { detail, ...result } of results)
        outcomes.push({ ...result, detail: detail && (await inLanguage(detail, result.code)) });
    } catch (error) {
      outcomes.push(...ids.map((device) => ({ device, status: "failed", detail: reasonOf(error) })));
    }
  }
  return outcomes.sort((a, b) => compareNames(boardName(a.device), boardName(b.device)));
}

/** @type {(results: HTMLElement, outcomes: Outcome[]) => void} */
function showOutcomes(results, outcomes) {
  const failed = outcomes.filter(({ status }) => status !== "ok");
  const summary = t(
    "count_done",
    `${formatNumber(outcomes.length - failed.length)} / ${formatNumber(outcomes.length)}`,
  );
  const rows = [...failed, ...outcomes.filter(({ status }) => status === "ok")].map(
    ({ device, status, result, detail }) => {
      const isOk = status === "ok";
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, bdi(boardName(device))),
        h("td", { class: isOk ? "done" : "failed" }, isOk ? resultParts(result) : bdi(detail ?? "")),
      );
    },
  );
  results.replaceChildren(
    h("p", {}, h("strong", { class: failed.length ? "failed" : "done" }, summary)),
    h("table", { class: "outcomes" }, h("tbody", {}, rows)),
  );
  announce(summary);
}

/** @type {(devices: Device[], panel: HTMLElement) => void} */
function groupPanel(devices, panel) {
  const known = h(
    "datalist",
    { id: "known-groups" },
    groupsOf(store.devices.values()).map((name) => option(name, "")),
  );
  const name = textInput(64, { list: "known-groups", required: true, pattern: "[^,\\/]+" });
  const status = resultLine();
  const change = async (/** @type {"add" | "remove"} */ what) => {
    if (!name.reportValidity()) return;
    await saving(status, async () => {
      for (const ids of slicesOf(devices))
        await request("PATCH", `/api/groups/${encodeURIComponent(name.value.trim())}`, { [what]: ids });
    });
  };
  const remove = button("group_remove", () => change("remove"));
  const label = h("label", {}, h("span", {}, t("group_name")), name, known);
  panel.replaceChildren(formOf(() => change("add"), label, h("button", {}, t("group_add")), remove, status));
}

/** @type {(devices: Device[], panel: HTMLElement) => Promise<void>} */
async function releasePanel(devices, panel) {
  const [{ releases }] = await Promise.all([
    request("GET", "/api/releases"),
    loadScript(() => import("../lib/words-releases.js")),
  ]);
  const options = releases.map((/** @type {import("../lib/types.js").Release} */ { number, name }) =>
    option(String(number), `${t("release_number", formatNumber(number))} ${visible(name)}`),
  );
  const choice = h("select", {}, options);
  const status = resultLine();
  const give = () =>
    saving(status, async () => {
      for (const to of slicesOf(devices)) await request("POST", "/api/rollouts", { release: Number(choice.value), to });
      // How it goes at each board.
      location.hash = "#/releases";
    });
  const button = h("button", { disabled: !releases.length }, t("send_to", formatNumber(devices.length)));
  panel.replaceChildren(formOf(give, labelled("releases", choice), button, status));
}

/** @param {Device[]} devices */
function compare(devices) {
  const common = commonValueOf(devices);
  const series = (common?.ids ?? []).map((device) => ({ device, name: common?.name ?? "" }));
  location.hash = chartHashOf({ series: series.slice(0, SERIES_MAX) });
}

/** @param {Device[]} devices */
function save(devices) {
  const names = [...new Set(devices.flatMap(({ values }) => Object.keys(values)))].sort(compareNames);
  const columns = Object.keys(COLUMNS).filter((column) => column !== "values" && column !== "seen");
  const head = ["id", ...columns, "last_seen", ...names];
  const rows = devices.map((device) => [
    device.id,
    ...columns.map((column) => (column === "state" ? (device.online ? "online" : "offline") : COLUMNS[column](device))),
    formatIso(device.last_seen),
    ...names.map((name) => own(device.values, name)?.value ?? null),
  ]);
  saveFile("boards", "csv", new Blob([csvOf([head, ...rows])], { type: "text/csv" }));
}
