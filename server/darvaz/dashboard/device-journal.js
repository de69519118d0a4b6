// The journal of a device, page by page, and all of it as a file.

import { ask } from "/pages/api.js";
import { clipped, h } from "/pages/dom.js";
import { moment } from "/pages/format.js";
import { t } from "/pages/words.js";

const ROWS = 25;
const WAYS = { "<": "received", ">": "sent", "=": "changed" };

class DeviceJournal extends HTMLElement {
  connectedCallback() {
    const device = encodeURIComponent(this.getAttribute("device"));
    this.path = `/api/journal?limit=${ROWS}&device=${device}`;
    this.body = h("tbody", {});
    this.older = h("button", { type: "button", class: "quiet", onclick: () => this.#load(this.next) }, t("older"));
    this.newest = h("button", { type: "button", class: "quiet", onclick: () => this.#load() }, t("newest"));
    this.status = h("p", { class: "quiet", role: "status" });
    const columns = ["time", "direction", "what", "said"].map((word) => h("th", { scope: "col" }, t(word)));
    this.replaceChildren(
      h("details", { ontoggle: (event) => event.target.open && this.#load() }, h("summary", {}, h("h2", {}, t("journal"))),
        h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, columns)), this.body)), this.status,
        h("div", { class: "row" }, this.newest, this.older,
          h("a", { href: `/api/journal/export?format=csv&device=${device}`, download: true }, `${t("export")} (CSV)`),
          h("a", { href: `/api/journal/export?format=jsonl&device=${device}`, download: true }, `${t("export")} (JSONL)`))));
  }

  async #load(before) {
    this.status.textContent = "";
    try {
      const page = await ask("GET", before ? `${this.path}&before=${before}` : this.path);
      this.next = page.older;
      this.older.disabled = !page.older;
      this.body.replaceChildren(...page.rows.toReversed().map(row));
      if (!page.rows.length) this.status.textContent = t("no_rows");
    } catch (problem) {
      this.status.textContent = t("failed", problem.message);
    }
  }
}

customElements.define("device-journal", DeviceJournal);

function row({ time, direction, type, payload }) {
  return h("tr", {}, h("td", {}, moment(time)), h("td", {}, t(WAYS[direction] ?? direction)),
    h("td", {}, h("bdi", {}, type)), h("td", { class: "payload", dir: "auto" }, clipped(payload, t("more"))));
}
