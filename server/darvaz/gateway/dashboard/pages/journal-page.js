// The journal of the whole gateway: who came, went and was refused, and who changed or commanded what.

import { boardsByName, h, labelled, nameOf, option, panel, t } from "../elements/page-parts.js";
import "../elements/device-journal.js";

/** What people look for, as the API's filters. */
/** @type {Record<string, Record<string, string>>} */
const SUBJECTS = {
  all: {},
  came: { type: "connected", direction: "=" },
  went: { type: "disconnected", direction: "=" },
  refused: { type: "refused", direction: "=" },
  commands: { type: "command", direction: ">" },
  answers: { type: "ack", direction: "<" },
  logs: { type: "log", direction: "<" },
  errors: { level: "warning" },
  changes: { direction: "=" },
};
const NOTHING = { type: "", direction: "", level: "" };
const SEARCH_DELAY_MS = 400;

class JournalPage extends HTMLElement {
  #journal = /** @type {HTMLElement & {filter(filters: Record<string, string>): void}} */ (
    /** @type {unknown} */ (h("device-journal"))
  );
  #subject = h(
    "select",
    {},
    Object.keys(SUBJECTS).map((name) => option(name, t(`subject_${name}`))),
  );
  #device = h("select", {});
  #text = h("input", { type: "search", dir: "auto", maxlength: 128 });
  #from = h("input", { type: "datetime-local" });
  #to = h("input", { type: "datetime-local" });
  #timer = 0;

  connectedCallback() {
    const devices = boardsByName();
    const options = devices.map((device) => option(device.id, nameOf(device)));
    this.#device.replaceChildren(option("", t("all_devices")), ...options);
    const filters = h(
      "div",
      { class: "row fleet-filters" },
      labelled("subject", this.#subject),
      labelled("device", this.#device),
      labelled("filter_text", this.#text),
      labelled("from", this.#from),
      labelled("up_to", this.#to),
    );
    for (const input of [this.#subject, this.#device, this.#from, this.#to]) {
      input.addEventListener("change", () => this.#show());
    }
    this.#text.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#show(), SEARCH_DELAY_MS);
    });
    // Most of everything are readings.
    this.#subject.value = "changes";
    this.replaceChildren(h("h1", {}, t("journal_page")), filters, panel(this.#journal));
    this.#show();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #show() {
    const seconds = (/** @type {HTMLInputElement} */ { value }) => (value ? String(Date.parse(value) / 1000) : "");
    this.#journal.filter({
      ...NOTHING,
      ...SUBJECTS[this.#subject.value],
      device: this.#device.value,
      text: this.#text.value.trim(),
      from: seconds(this.#from),
      to: seconds(this.#to),
    });
  }
}

customElements.define("journal-page", JournalPage);
