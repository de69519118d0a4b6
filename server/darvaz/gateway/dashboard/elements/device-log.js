// The live log of a device, filtered by level and text; what matches further back is searched for in the journal.

import { isMatch, isSameLine, joinLines, LEVELS, lineOfEntry } from "../lib/log-lines.js";
import {
  button,
  clipped,
  DevicePart,
  failureText,
  follow,
  formatDate,
  formatNumber,
  formatTime,
  h,
  hint,
  isToday,
  labelled,
  nowS,
  oncePerFrame,
  option,
  request,
  row,
  store,
  t,
} from "./page-parts.js";

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
// A line may come twice after a reconnection: as many of the newest are compared.
const COMPARED_MAX = 50;
// The journal is searched once nobody has typed for this time.
const SEARCH_DELAY_MS = 400;

class DeviceLog extends DevicePart {
  /** @type {LogLine[]} all lines, oldest first; at most LINES_MAX */
  #lines = [];
  /** @type {LogLine[]} lines that are not drawn yet; at most SHOWN_MAX */
  #fresh = [];
  /** @type {LogLine[]} older lines that match the filter, from the journal */
  #found = [];
  /** @type {number | null} the entry before which the journal was not loaded; null: there is none */
  #oldest = null;
  /** @type {number | null} the entry before which it was not searched; null: all was */
  #searched = null;
  #searchTimer = 0;
  #hasJournal = false;
  #isPaused = false;
  #least = h(
    "select",
    { onchange: () => this.#onFilter() },
    CHOICES.map((level) => option(level, t(`level_${level}`))),
  );
  #text = h("input", { type: "search", dir: "auto", oninput: () => this.#onFilter() });
  #pause = button("pause", () => this.#togglePause());
  #clear = button("clear", () => this.#removeAll());
  #list = h("ol", { class: "log", tabindex: 0, "aria-label": t("log"), dir: "ltr" });
  #none = hint("no_lines");
  #more = button("search_older", () => this.#search());
  #status = h("span", { class: "quiet", role: "status" });
  #drawSoon = oncePerFrame(() => this.#isPaused || this.#drawFresh());

  connectedCallback() {
    this.#pause.setAttribute("aria-pressed", "false");
    const filters = h(
      "div",
      { class: "row filters" },
      labelled("level", this.#least),
      labelled("filter", this.#text),
      this.#pause,
      this.#clear,
    );
    this.replaceChildren(filters, row(this.#more, this.#status), this.#none, this.#list);
    this.#listen();
    this.#redraw();
    store.watch(this.device);
  }

  disconnectedCallback() {
    clearTimeout(this.#searchTimer);
    store.watch(null);
  }

  #listen() {
    follow(this, "log", ({ device, time, level = "info", message }) => {
      if (device === this.device) this.#add({ time, level, message });
    });
    follow(this, "gap", ({ lost, device, time = nowS() }) => {
      if (device !== undefined && device !== this.device) return;
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
    const device = encodeURIComponent(this.device);
    const path = `/api/journal?type=log&limit=${JOURNAL_LINES}&to=${time + OVERLAP_S}&device=${device}`;
    try {
      const { rows, older } = await request("GET", path);
      this.#oldest = this.#searched = older;
      // Drawing again would cut a long line that was expanded meanwhile.
      if (!rows.length || !this.isConnected) return;
      this.#lines = joinLines(rows.map(lineOfEntry), this.#lines);
      this.#redraw();
      if (this.#isFiltered) this.#onFilter();
    } catch (error) {
      this.#status.textContent = failureText(error);
      this.#hasJournal = false;
    }
  }

  get #isFiltered() {
    return this.#least.value !== "debug" || this.#text.value.trim() !== "";
  }

  #onFilter() {
    this.#found = [];
    this.#searched = this.#oldest;
    this.#redraw();
    clearTimeout(this.#searchTimer);
    if (this.#isFiltered) this.#searchTimer = setTimeout(() => this.#search(), SEARCH_DELAY_MS);
  }

  // The error of last night may be behind thousands of lines.
  async #search() {
    const [level, text, before] = [this.#least.value, this.#text.value.trim(), this.#searched];
    if (before === null) return;
    const query = new URLSearchParams({ type: "log", device: this.device, level, before: String(before) });
    if (text) query.set("text", text);
    this.#status.textContent = t("searching");
    try {
      const { rows, older } = await request("GET", `/api/journal?${query}&limit=${JOURNAL_LINES}`);
      // The filter was changed meanwhile.
      if (level !== this.#least.value || text !== this.#text.value.trim()) return;
      this.#found = [...rows.map(lineOfEntry), ...this.#found];
      this.#searched = older;
      this.#status.textContent = "";
      this.#redraw();
    } catch (error) {
      this.#status.textContent = failureText(error);
    }
  }

  /** @param {LogLine} line */
  #add(line) {
    if (this.#lines.slice(-COMPARED_MAX).some((known) => isSameLine(known, line))) return;
    this.#lines.push(line);
    this.#fresh.push(line);
    dropOldest(this.#lines, LINES_MAX);
    dropOldest(this.#fresh, SHOWN_MAX);
    this.#drawSoon();
  }

  #removeAll() {
    this.#lines = [];
    this.#found = [];
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
    return isMatch(line, this.#least.value, this.#text.value.trim());
  }

  #redraw() {
    this.#list.replaceChildren();
    const loaded = this.#lines.filter((line) => this.#isShown(line)).slice(-SHOWN_MAX);
    // Those that somebody searched for further back are in view.
    this.#fresh = this.#found.length ? [...this.#found, ...loaded].slice(0, SHOWN_MAX) : loaded;
    this.#more.hidden = !this.#isFiltered || this.#searched === null;
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
    this.#none.textContent = t(this.#isFiltered ? "no_such_lines" : "no_lines");
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
  const date = isToday(time) ? "" : `${formatDate(time, "en")} `;
  return h(
    "li",
    { class: LEVELS.includes(level) ? level : "info" },
    h("time", {}, date + formatTime(time, "en")),
    h("span", { class: "level" }, level),
    h("span", { class: "message", dir: "auto" }, clipped(message, t("more"))),
  );
}
