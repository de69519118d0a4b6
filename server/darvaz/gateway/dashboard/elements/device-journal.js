// The journal of a device, page by page both ways or up to a time; the page or all of it as a file.

import { ask } from "../lib/api.js";
import { clipped, h } from "../lib/dom.js";
import { moment } from "../lib/format.js";
import { t } from "../lib/words.js";

const ROWS = 25;
const WAYS = { "<": "received", ">": "sent", "=": "changed" };

class DeviceJournal extends HTMLElement {
  connectedCallback() {
    const device = encodeURIComponent(this.getAttribute("device"));
    this.path = `/api/journal?limit=${ROWS}&device=${device}`;
    this.body = h("tbody", {});
    this.older = h("button", { type: "button", class: "quiet", onclick: () => this.#load(`before=${this.before}`) }, t("older"));
    this.newer = h("button", { type: "button", class: "quiet", onclick: () => this.#load(`after=${this.after}`) }, t("newer"));
    this.newest = h("button", { type: "button", class: "quiet", onclick: () => this.#load() }, t("newest"));
    // Up to a second: that second's rows belong to it.
    this.upTo = h("input", { type: "datetime-local", step: 1, onchange: () =>
      this.#load(this.upTo.value ? `to=${Date.parse(this.upTo.value) / 1000 + 1}` : "") });
    const file = (format) => `/api/journal/export?format=${format}&device=${device}`;
    this.files = ["csv", "jsonl"].map((format) => ({ whole: file(format),
      link: h("a", { hidden: true, download: true }, `${t("export_page")} (${format.toUpperCase()})`) }));
    this.status = h("p", { class: "quiet", role: "status" });
    const columns = ["time", "direction", "what", "said"].map((word) => h("th", { scope: "col" }, t(word)));
    this.replaceChildren(
      h("details", { ontoggle: (event) => event.target.open && this.#load() }, h("summary", {}, h("h2", {}, t("journal"))),
        h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": t("journal") }, h("table", {}, h("thead", {}, h("tr", {}, columns)), this.body)), this.status,
        h("div", { class: "row" }, this.newest, this.newer, this.older,
          h("label", {}, h("span", {}, t("up_to")), this.upTo)),
        h("div", { class: "row" }, this.files.map(({ link }) => link),
          h("a", { href: file("csv"), download: true }, `${t("export")} (CSV)`),
          h("a", { href: file("jsonl"), download: true }, `${t("export")} (JSONL)`))));
  }

  async #load(which = "") {
    this.status.textContent = "";
    try {
      const page = await ask("GET", which ? `${this.path}&${which}` : this.path);
      // At the newest end the rows stay, and newer ones may be asked for again.
      if (which.startsWith("after") && !page.rows.length) {
        this.status.textContent = t("none_newer");
        return;
      }
      this.before = page.older;
      this.after = page.newer;
      this.newer.disabled = page.newer === null;
      this.#offer(page.rows);
      this.older.disabled = !page.older;
      this.body.replaceChildren(...page.rows.toReversed().map(row));
      if (!page.rows.length) this.status.textContent = t("no_rows");
    } catch (problem) {
      this.status.textContent = t("failed", problem.said);
    }
  }

  #offer(rows) {
    for (const { link, whole } of this.files) {
      link.hidden = !rows.length;
      if (rows.length) link.href = `${whole}&after=${Math.max(0, rows[0].id - 1)}&before=${rows.at(-1).id + 1}`;
    }
  }
}

customElements.define("device-journal", DeviceJournal);

function row({ time, direction, type, payload }) {
  return h("tr", {}, h("td", {}, moment(time)), h("td", {}, t(WAYS[direction] ?? direction)),
    h("td", {}, h("bdi", {}, type)), h("td", { class: "payload", dir: "auto" }, clipped(payload, t("more"))));
}
