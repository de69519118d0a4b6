// The journal, of a device or of the whole gateway: pages in both directions or up to a time, and downloads.

import { endOf } from "../lib/fleet.js";
import {
  aboutValue,
  attempt,
  bdi,
  button,
  clipped,
  deviceLink,
  h,
  known,
  labelled,
  relative,
  request,
  row,
  statusLine,
  t,
  table,
  timeElement,
  visible,
} from "./page-parts.js";
import { textsOf } from "./result-parts.js";
import "../lib/words-journal.js";

/** @import { JournalEntry, JournalPage } from "../lib/types.js" */

const ROWS = 25;
const FORMATS = ["csv", "jsonl"];
// Below it, a board and a network were only slow.
const LATE_S = 1;
const WHOLE_ROWS = 50;
// Filters that an export does not have.
const SEARCHED = new Set(["text", "level"]);
// What an operator looks for.
const TROUBLE = new Set(["refused", "disconnected", "error", "gap"]);
const COLUMNS = ["direction", "type", "content"];
/** @type {Record<string, string>} */
const DIRECTIONS = { "<": "received", ">": "sent", "=": "changed" };

class DeviceJournal extends HTMLElement {
  /** The filters, as the query of each request. */
  #filters = new URLSearchParams();
  /** Whether it is a page of its own, of all devices. */
  #isWhole = false;
  /** @type {number | null} goes into `before` for the page before the shown one; null: there is none */
  #before = null;
  /** @type {number | null} goes into `after` for the page after it */
  #after = null;
  #body = h("tbody", {});
  #status = statusLine();
  #newest = button("newest", () => this.#load());
  #newer = button("newer", () => this.#load(`after=${this.#after}`));
  #older = button("older", () => this.#load(`before=${this.#before}`));
  #upTo = h("input", { type: "datetime-local", step: 1, onchange: () => this.#loadUpTo() });
  /** Links that save everything, one for each format. */
  #allLinks = linksOf("export", false);
  /** Links that save the shown rows, one for each format. */
  #pageLinks = linksOf("export_page", true);

  connectedCallback() {
    const device = this.getAttribute("device");
    this.#isWhole = device === null;
    if (device !== null) this.#filters.set("device", device);
    const ontoggle = () => details.open && this.#load();
    const parts = [
      table(this.#isWhole ? ["time", "device", ...COLUMNS] : ["time", ...COLUMNS], this.#body, "journal"),
      this.#status,
      row(this.#newest, this.#newer, this.#older, labelled("up_to", this.#upTo)),
      row([...this.#pageLinks, ...this.#allLinks].map(({ link }) => link)),
    ];
    const details = h("details", { ontoggle }, h("summary", {}, h("h2", {}, t("journal"))), parts);
    this.replaceChildren(...(this.#isWhole ? parts : [details]));
  }

  /**
   * Shows the newest entries that have what is wanted.
   * @param {Record<string, string>} filters as the API has them; "" for any
   */
  filter(filters) {
    for (const [name, value] of Object.entries(filters)) {
      if (value) this.#filters.set(name, value);
      else this.#filters.delete(name);
    }
    this.#load();
  }

  /** @param {string} format */
  #exportPath(format) {
    const query = new URLSearchParams([...this.#filters].filter(([name]) => !SEARCHED.has(name)));
    query.set("format", format);
    return relative(`/api/journal/export?${query}`);
  }

  #loadUpTo() {
    // The input has whole seconds: the rows of that second are included.
    this.#load(this.#upTo.value ? `to=${Date.parse(this.#upTo.value) / 1000 + 1}` : "");
  }

  async #load(query = "") {
    this.#status.textContent = "";
    const path = `/api/journal?limit=${this.#isWhole ? WHOLE_ROWS : ROWS}&${this.#filters}`;
    for (const { link, format } of this.#allLinks) link.href = this.#exportPath(format);
    await attempt(this.#status, async () => {
      /** @type {JournalPage} */
      const page = await request("GET", query ? `${path}&${query}` : path);
      // After the newest page there is nothing yet: the rows stay.
      if (query.startsWith("after") && !page.rows.length) this.#status.textContent = t("none_newer");
      else this.#show(page);
    });
  }

  /** @param {JournalPage} page */
  #show({ rows, older, newer }) {
    this.#before = older;
    this.#after = newer;
    this.#newer.disabled = newer === null;
    this.#older.disabled = !older;
    this.#body.replaceChildren(...rows.toReversed().map((row) => rowOf(row, this.#isWhole)));
    // A search of messages ends after some time: the rest is behind Older.
    if (!rows.length) this.#status.textContent = t(older ? "none_yet" : "no_rows");
    for (const { link, format } of this.#pageLinks) {
      link.hidden = !rows.length;
      if (!rows.length) continue;
      const range = `after=${Math.max(0, rows[0].id - 1)}&before=${rows[rows.length - 1].id + 1}`;
      link.href = `${this.#exportPath(format)}&${range}`;
    }
  }
}

customElements.define("device-journal", DeviceJournal);

/** @type {(key: string, hidden: boolean) => {format: string, link: HTMLAnchorElement}[]} */
function linksOf(key, hidden) {
  return FORMATS.map((format) => {
    const link = h("a", { hidden, download: true }, `${t(key)} (${format.toUpperCase()})`);
    return { format, link };
  });
}

/** @type {(entry: JournalEntry, hasDevice: boolean) => HTMLElement} */
function rowOf(entry, hasDevice) {
  const { time, happened, device, address, direction, type, payload } = entry;
  const late = time - happened >= LATE_S && h("small", {}, t("happened"), " ", timeElement(happened));
  const [key, text, raw] = [`type_${type}`, textOfEntry(entry), clipped(payload, t("more"))];
  return h(
    "tr",
    {},
    h("td", {}, timeElement(time), late && h("br"), late),
    hasDevice && h("td", {}, whoOf(device, address)),
    h("td", {}, t(DIRECTIONS[direction] ?? direction)),
    h("td", { class: TROUBLE.has(type) ? "bad" : "" }, h("bdi", { title: type }, known(key, type))),
    h(
      "td",
      { class: "payload", dir: "auto" },
      text ? h("details", {}, h("summary", {}, h("bdi", {}, text)), raw) : raw,
    ),
  );
}

/**
 * Returns what an entry says, in words; "" if they are its own.
 * @param {JournalEntry} entry
 */
function textOfEntry({ device, type, payload }) {
  const code = /^closed (\d+)/.exec(payload)?.[1];
  if (code) return t(`end_${endOf({ last_end: Number(code) })}`);
  try {
    const { values, name, args, status, result, message } = JSON.parse(payload);
    if (type === "telemetry") {
      const about = Object.entries(values).map(([key, value]) => [value, aboutValue(device ?? "", key)]);
      return about.map(([value, { title, textOf }]) => `${visible(title)} ${textOf(value)}`).join(" · ");
    }
    if (type === "command") return [visible(name), ...textsOf(args)].join(" · ");
    if (type === "ack" && status !== "ok") return t("failed", visible(message ?? status));
    if (type === "ack") return [t("done"), ...textsOf(result)].join(" · ");
    return type === "log" ? visible(message) : "";
  } catch {
    // Not a message, or a part of one.
    return "";
  }
}

/** @type {(device: string | null | undefined, address: string | null | undefined) => import("../lib/types.js").Child} */
function whoOf(device, address) {
  if (device) return deviceLink({ id: device }, bdi(device));
  return address ? bdi(address, { class: "quiet" }) : h("span", { class: "quiet" }, t("gateway"));
}
