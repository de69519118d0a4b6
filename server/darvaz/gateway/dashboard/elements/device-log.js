// The live log of a device, filtered by level and text.

import { request } from "../lib/api.js";
import { clipped, h, oncePerFrame } from "../lib/dom.js";
import { formatNumber, formatTime } from "../lib/format.js";
import { isMatch, joinLines, LEVELS, lineOfEntry } from "../lib/log-lines.js";
import { follow, store } from "../lib/store.js";
import { t } from "../lib/words.js";

/** @import { LogLine } from "../lib/types.js" */

// "critical" is shown together with "error".
const CHOICES = ["debug", "info", "warning", "error"];
// Lines that are kept for the filters, and lines that are shown.
const LINES_MAX = 2_000;
const SHOWN_MAX = 300;
const JOURNAL_LINES = 100;
// The journal rounds times to milliseconds, and the stream may begin within one.
const OVERLAP_S = 0.001;
const AT_END_PX = 24;

class DeviceLog extends HTMLElement {
  #device = "";
  /** @type {LogLine[]} all lines, oldest first; at most LINES_MAX */
  #lines = [];
  /** @type {LogLine[]} lines that are not drawn yet; at most SHOWN_MAX */
  #fresh = [];
  #hasJournal = false;
  #isPaused = false;
  #least = h(
    "select",
    { onchange: () => this.#redraw() },
    CHOICES.map((level) => h("option", { value: level }, t(`level_${level}`))),
  );
  #text = h("input", { type: "search", dir: "auto", oninput: () => this.#redraw() });
  #pause = h(
    "button",
    { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.#togglePause() },
    t("pause"),
  );
  #clear = h("button", { type: "button", class: "quiet", onclick: () => this.#removeAll() }, t("clear"));
  #list = h("ol", { class: "log", tabindex: 0, "aria-label": t("log"), dir: "ltr" });
  #none = h("p", { class: "quiet" }, t("no_lines"));
  #drawSoon = oncePerFrame(() => this.#isPaused || this.#drawFresh());

  connectedCallback() {
    this.#device = this.getAttribute("device") ?? "";
    const filters = h(
      "div",
      { class: "row filters" },
      h("label", {}, h("span", {}, t("level")), this.#least),
      h("label", {}, h("span", {}, t("filter")), this.#text),
      this.#pause,
      this.#clear,
    );
    this.replaceChildren(filters, this.#none, this.#list);
    this.#listen();
    this.#redraw();
    store.watch(this.#device);
  }

  disconnectedCallback() {
    store.watch(null);
  }

  #listen() {
    follow(this, "log", ({ device, time, level = "info", message }) => {
      if (device === this.#device) this.#add({ time, level, message });
    });
    follow(this, "gap", ({ lost, device, time = Date.now() / 1000 }) => {
      if (device !== undefined && device !== this.#device) return;
      const missing = device === undefined ? "lines_skipped" : "messages_missing";
      const message = lost === null ? t("lines_may_be_missing") : t(missing, formatNumber(lost));
      this.#add({ time, level: "warning", message });
    });
    follow(this, "hello", ({ time }) => {
      if (this.#hasJournal) return;
      this.#hasJournal = true;
      this.#loadJournal(time);
    });
  }

  /**
   * Loads the lines from before the stream began.
   * @param {number} time when it began
   */
  async #loadJournal(time) {
    const device = encodeURIComponent(this.#device);
    const path = `/api/journal?type=log&limit=${JOURNAL_LINES}&to=${time + OVERLAP_S}&device=${device}`;
    const { rows } = await request("GET", path).catch(() => ({ rows: [] }));
    // Drawing again would cut a long line that was expanded meanwhile.
    if (!rows.length || !this.isConnected) return;
    this.#lines = joinLines(rows.map(lineOfEntry), this.#lines);
    this.#redraw();
  }

  /** @param {LogLine} line */
  #add(line) {
    this.#lines.push(line);
    this.#fresh.push(line);
    dropOldest(this.#lines, LINES_MAX);
    dropOldest(this.#fresh, SHOWN_MAX);
    this.#drawSoon();
  }

  #removeAll() {
    this.#lines = [];
    this.#redraw();
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    this.#pause.setAttribute("aria-pressed", String(this.#isPaused));
    this.#pause.textContent = t(this.#isPaused ? "resume" : "pause");
    if (!this.#isPaused) this.#redraw();
  }

  /** @param {LogLine} line */
  #isShown(line) {
    return isMatch(line, this.#least.value, this.#text.value);
  }

  #redraw() {
    this.#list.replaceChildren();
    this.#fresh = this.#lines.filter((line) => this.#isShown(line)).slice(-SHOWN_MAX);
    this.#drawFresh();
    this.#scrollToEnd();
  }

  #drawFresh() {
    const list = this.#list;
    const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - AT_END_PX;
    list.append(...this.#fresh.filter((line) => this.#isShown(line)).map(itemOf));
    this.#fresh = [];
    while (list.childElementCount > SHOWN_MAX) list.firstElementChild?.remove();
    list.hidden = !list.childElementCount;
    this.#none.hidden = !list.hidden;
    // A person who reads further up is not moved.
    if (isAtEnd) this.#scrollToEnd();
  }

  #scrollToEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }
}

customElements.define("device-log", DeviceLog);

/** @type {(lines: LogLine[], max: number) => void} */
function dropOldest(lines, max) {
  if (lines.length > max) lines.splice(0, lines.length - max);
}

/** @param {LogLine} line */
function itemOf({ time, level, message }) {
  return h(
    "li",
    { class: LEVELS.includes(level) ? level : "info" },
    h("time", {}, formatTime(time, "en")),
    h("span", { class: "level" }, level),
    h("span", { class: "message", dir: "auto" }, clipped(message, t("more"))),
  );
}
