// The journal of a device: pages in both directions or up to a time, and downloads of a page or of everything.

import { reasonOf, relative, request } from "../lib/api.js";
import { clipped, h } from "../lib/dom.js";
import { timeElement } from "../lib/format.js";
import { t } from "../lib/words.js";

/** @import { JournalEntry, JournalPage } from "../lib/types.js" */

const ROWS = 25;
const FORMATS = ["csv", "jsonl"];
// Below it, a board and a network were only slow.
const LATE_S = 1;
const COLUMNS = ["time", "direction", "type", "content"];
/** @type {Record<string, string>} */
const DIRECTIONS = { "<": "received", ">": "sent", "=": "changed" };

class DeviceJournal extends HTMLElement {
  #device = "";
  /** @type {number | null} goes into `before` for the page before the shown one; null: there is none */
  #before = null;
  /** @type {number | null} goes into `after` for the page after it */
  #after = null;
  #body = h("tbody", {});
  #status = h("p", { class: "quiet", role: "status" });
  #newest = button("newest", () => this.#load());
  #newer = button("newer", () => this.#load(`after=${this.#after}`));
  #older = button("older", () => this.#load(`before=${this.#before}`));
  #upTo = h("input", { type: "datetime-local", step: 1, onchange: () => this.#loadUpTo() });
  /** Links that save the shown rows, one for each format. */
  #pageLinks = FORMATS.map((format) => {
    const link = h("a", { hidden: true, download: true }, `${t("export_page")} (${format.toUpperCase()})`);
    return { format, link };
  });

  connectedCallback() {
    this.#device = encodeURIComponent(this.getAttribute("device") ?? "");
    const ontoggle = () => details.open && this.#load();
    const details = h(
      "details",
      { ontoggle },
      h("summary", {}, h("h2", {}, t("journal"))),
      this.#table(),
      this.#status,
      h(
        "div",
        { class: "row" },
        this.#newest,
        this.#newer,
        this.#older,
        h("label", {}, h("span", {}, t("up_to")), this.#upTo),
      ),
      h(
        "div",
        { class: "row" },
        this.#pageLinks.map(({ link }) => link),
        FORMATS.map((format) => this.#exportLink(format)),
      ),
    );
    this.replaceChildren(details);
  }

  #table() {
    const columns = COLUMNS.map((key) => h("th", { scope: "col" }, t(key)));
    const table = h("table", {}, h("thead", {}, h("tr", {}, columns)), this.#body);
    return h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": t("journal") }, table);
  }

  /** @param {string} format */
  #exportLink(format) {
    return h("a", { href: this.#exportPath(format), download: true }, `${t("export")} (${format.toUpperCase()})`);
  }

  /** @param {string} format */
  #exportPath(format) {
    return relative(`/api/journal/export?format=${format}&device=${this.#device}`);
  }

  #loadUpTo() {
    // The input has whole seconds: the rows of that second are included.
    this.#load(this.#upTo.value ? `to=${Date.parse(this.#upTo.value) / 1000 + 1}` : "");
  }

  async #load(query = "") {
    this.#status.textContent = "";
    const path = `/api/journal?limit=${ROWS}&device=${this.#device}`;
    try {
      /** @type {JournalPage} */
      const page = await request("GET", query ? `${path}&${query}` : path);
      // After the newest page there is nothing yet: the rows stay.
      if (query.startsWith("after") && !page.rows.length) this.#status.textContent = t("none_newer");
      else this.#show(page);
    } catch (error) {
      this.#status.textContent = t("failed", reasonOf(error));
    }
  }

  /** @param {JournalPage} page */
  #show({ rows, older, newer }) {
    this.#before = older;
    this.#after = newer;
    this.#newer.disabled = newer === null;
    this.#older.disabled = !older;
    this.#body.replaceChildren(...rows.toReversed().map(rowOf));
    if (!rows.length) this.#status.textContent = t("no_rows");
    for (const { link, format } of this.#pageLinks) {
      link.hidden = !rows.length;
      if (!rows.length) continue;
      const range = `after=${Math.max(0, rows[0].id - 1)}&before=${rows[rows.length - 1].id + 1}`;
      link.href = `${this.#exportPath(format)}&${range}`;
    }
  }
}

customElements.define("device-journal", DeviceJournal);

/** @type {(label: string, onclick: () => unknown) => HTMLButtonElement} */
function button(label, onclick) {
  return h("button", { type: "button", class: "quiet", onclick }, t(label));
}

/** @param {JournalEntry} entry */
function rowOf({ time, happened, direction, type, payload }) {
  const late = time - happened >= LATE_S && h("small", {}, t("happened"), " ", timeElement(happened));
  return h(
    "tr",
    {},
    h("td", {}, timeElement(time), late && h("br"), late),
    h("td", {}, t(DIRECTIONS[direction] ?? direction)),
    h("td", {}, h("bdi", {}, type)),
    h("td", { class: "payload", dir: "auto" }, clipped(payload, t("more"))),
  );
}
