// The live log of a device: filtered by level and text, and as fast to read as it is to write.

import { ask } from "../lib/api.js";
import { clipped, h, onceAFrame } from "../lib/dom.js";
import { clock, number } from "../lib/format.js";
import { follow, store } from "../lib/store.js";
import { t } from "../lib/words.js";

const LEVELS = ["debug", "info", "warning", "error", "critical"];
const CHOICES = ["debug", "info", "warning", "error"];
// Kept for the filters; shown are the newest of them.
const LINES_MAX = 2_000;
const SHOWN_MAX = 300;
const FIRST_LINES = 100;
// The journal's times are whole milliseconds, and the stream begins within one.
const OVERLAP_S = 0.001;
const SAME_S = 0.002;

class DeviceLog extends HTMLElement {
  #lines = [];
  #fresh = [];

  connectedCallback() {
    this.device = this.getAttribute("device");
    this.least = h("select", { onchange: () => this.#redraw() }, CHOICES.map((level) => h("option", { value: level }, t(`level_${level}`))));
    this.wanted = h("input", { type: "search", dir: "auto", oninput: () => this.#redraw() });
    this.paused = h("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.#pause() }, t("pause"));
    this.list = h("ol", { class: "log", tabindex: 0, "aria-label": t("log"), dir: "ltr" });
    this.none = h("p", { class: "quiet" }, t("no_lines"));
    const clear = h("button", { type: "button", class: "quiet", onclick: () => {
      this.#lines = [];
      this.#redraw();
    } }, t("clear"));
    this.replaceChildren(h("div", { class: "row filters" },
      h("label", {}, h("span", {}, t("level")), this.least), h("label", {}, h("span", {}, t("filter")), this.wanted), this.paused, clear), this.none, this.list);
    this.draw = onceAFrame(() => this.#drawFresh());
    this.#listen();
    this.#redraw();
    store.watch(this.device);
  }

  disconnectedCallback() {
    store.watch(null);
  }

  // What was said before the stream began is in the journal.
  async #recall(time) {
    const path = `/api/journal?type=log&limit=${FIRST_LINES}&to=${time + OVERLAP_S}&device=${encodeURIComponent(this.device)}`;
    const page = await ask("GET", path).catch(() => ({ rows: [] }));
    this.#lines = withoutHeard(page.rows.map(fromRow), this.#lines).concat(this.#lines);
    if (this.isConnected) this.#redraw();
  }

  #listen() {
    follow(this, "log", ({ device, time, level = "info", message }) => device === this.device && this.#take({ time, level, message }));
    follow(this, "gap", ({ lost }) => this.#take({ time: Date.now() / 1000, level: "warning", message: t("lines_skipped", number(lost ?? 0)) }));
    follow(this, "hello", ({ time }) => {
      if (this.isRecalled) return;
      this.isRecalled = true;
      this.#recall(time);
    });
  }

  #take(line) {
    this.#lines.push(line);
    if (this.#lines.length > LINES_MAX) this.#lines.splice(0, this.#lines.length - LINES_MAX);
    this.#fresh.push(line);
    if (this.#fresh.length > SHOWN_MAX) this.#fresh.splice(0, this.#fresh.length - SHOWN_MAX);
    this.draw();
  }

  get #isPaused() {
    return this.paused.getAttribute("aria-pressed") === "true";
  }

  #pause() {
    this.paused.setAttribute("aria-pressed", String(!this.#isPaused));
    this.paused.textContent = t(this.#isPaused ? "resume" : "pause");
    if (!this.#isPaused) this.#redraw();
  }

  #isWanted({ level, message }) {
    const text = this.wanted.value.toLowerCase();
    return LEVELS.indexOf(level) >= LEVELS.indexOf(this.least.value) && (!text || message.toLowerCase().includes(text));
  }

  #redraw() {
    this.list.replaceChildren();
    this.#fresh = this.#lines.filter((line) => this.#isWanted(line)).slice(-SHOWN_MAX);
    this.#drawFresh(true);
  }

  #drawFresh(isAll = false) {
    if (this.#isPaused && !isAll) return;
    const isAtEnd = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 24;
    const lines = this.#fresh.filter((line) => this.#isWanted(line));
    this.#fresh = [];
    this.list.append(...lines.map(lineOf));
    while (this.list.childElementCount > SHOWN_MAX) this.list.firstElementChild.remove();
    this.none.hidden = this.list.childElementCount > 0;
    this.list.hidden = !this.none.hidden;
    // Who reads further up is left there.
    if (isAtEnd || isAll) this.list.scrollTop = this.list.scrollHeight;
  }
}

customElements.define("device-log", DeviceLog);

// What came in the moment in which the stream began may be in both.
function withoutHeard(lines, heard) {
  const first = heard.slice(0, lines.length);
  const isHeard = (line) => first.some(({ time, message }) => message === line.message && Math.abs(time - line.time) < SAME_S);
  const since = (lines.at(-1)?.time ?? 0) - SAME_S;
  return lines.filter((line) => line.time < since || !isHeard(line));
}

function fromRow({ time, payload }) {
  try {
    const { level = "info", message } = JSON.parse(payload);
    return { time, level, message: String(message) };
  } catch {
    return { time, level: "info", message: payload };
  }
}

function lineOf({ time, level, message }) {
  return h("li", { class: LEVELS.includes(level) ? level : "info" },
    h("time", {}, clock(time, "en")), h("span", { class: "level" }, level), h("span", { class: "message", dir: "auto" }, clipped(message, t("more"))));
}
