// What the gateway kept of a camera: a timeline with marks where something moved, steps, and play.

import { loadSeries } from "../lib/chart-data.js";
import { spansOf } from "../lib/chart-math.js";
import { framesWithin, nextStartOf } from "../lib/kept-frames.js";
import {
  attempt,
  button,
  DevicePart,
  drawn,
  failureLine,
  h,
  hint,
  Problem,
  pathOf,
  relative,
  request,
  row,
  signButton,
  t,
  timeElement,
  visible,
} from "./page-parts.js";

const FRAMES_MAX = 2_000;
const PLAY_MS = 150;

class CameraTimeline extends DevicePart {
  /** @type {number[]} when the frames came, in Unix milliseconds */
  #times = [];
  /** @type {[first: number, last: number][]} the frames on which something moved, by their places */
  #moves = [];
  #isPlaying = false;
  #timer = 0;
  #picture = h("img", {});
  #time = h("output", {});
  #slider = h("input", { type: "range", min: 0, step: 1, "aria-label": t("kept_when") });
  #marks = drawn("path", {});
  #strip = drawn("svg", { class: "moves", preserveAspectRatio: "none", "aria-hidden": "true" }, this.#marks);
  #play = button("kept_play", () => this.#setPlaying(!this.#isPlaying), "");
  #motion = button("kept_motion", () => this.#show(nextStartOf(this.#moves, this.#at)));
  #save = h("a", { download: "", class: "button quiet" }, t("snapshot"));
  #status = failureLine();
  #body = h("div", {});

  connectedCallback() {
    this.#slider.addEventListener("input", () => {
      this.#setPlaying(false);
      this.#show(this.#at);
    });
    this.#picture.addEventListener("load", () => this.#onShown(""));
    this.#picture.addEventListener("error", () => this.#onShown(t("kept_gone")));
    const ontoggle = () => (details.open ? this.#load() : this.#setPlaying(false));
    const summary = h("summary", {}, h("h3", {}, t("kept")));
    const details = h("details", { ontoggle }, summary, this.#body, this.#status);
    this.replaceChildren(details);
  }

  disconnectedCallback() {
    this.#setPlaying(false);
  }

  get #at() {
    return this.#slider.valueAsNumber;
  }

  async #load() {
    this.#status.textContent = "";
    await attempt(this.#status, async () => {
      this.#times = await keptOf(this.device);
      if (!this.#times.length) {
        this.#body.replaceChildren(hint("kept_none"));
        return;
      }
      this.#body.replaceChildren(...this.#content());
      this.#slider.max = String(this.#times.length - 1);
      this.#show(this.#times.length - 1);
      await this.#loadMoves();
    });
  }

  #content() {
    const steps = [
      signButton("kept_before", "◀", () => this.#step(-1)),
      this.#play,
      signButton("kept_after", "▶", () => this.#step(1)),
    ];
    const newest = button("newest", () => this.#load());
    // In the order of time, in every language.
    const line = h("div", { class: "timeline", dir: "ltr" }, this.#strip, this.#slider);
    const tools = row(h("span", { class: "chart-steps", dir: "ltr" }, steps), this.#motion, newest, this.#save);
    return [h("div", { class: "picture" }, this.#picture), row(this.#time), line, tools];
  }

  async #loadMoves() {
    const [fromS, toS] = [this.#times[0] / 1000, this.#times[this.#times.length - 1] / 1000];
    const { states } = await loadSeries({ device: this.device, name: "camera_motion" }, fromS, toS, 2);
    const spans = spansOf(states, fromS, toS).filter(({ value }) => value === true);
    this.#moves = framesWithin(this.#times, spans);
    this.#motion.disabled = !this.#moves.length;
    this.#strip.setAttribute("viewBox", `0 0 ${Math.max(1, this.#times.length - 1)} 1`);
    // A single picture is wide enough to be seen.
    const wide = Math.max(1, this.#times.length / 200);
    const bars = this.#moves.map(
      ([first, last]) => `M${first - wide / 2} 0h${last - first + wide}v1h${first - last - wide}z`,
    );
    this.#marks.setAttribute("d", bars.join(""));
  }

  /** @param {number} at */
  #show(at) {
    const timeMs = this.#times[at];
    const shown = timeElement(timeMs / 1000);
    const text = visible(shown.textContent ?? "");
    this.#slider.value = String(at);
    this.#slider.setAttribute("aria-valuetext", text);
    this.#time.replaceChildren(shown);
    this.#picture.alt = t("kept_at", text);
    this.#picture.src = this.#save.href = relative(pathOf(this.device, "frames", `${timeMs}.jpg`));
  }

  /** @param {number} by */
  #step(by) {
    this.#setPlaying(false);
    this.#show(Math.min(this.#times.length - 1, Math.max(0, this.#at + by)));
  }

  /** @param {string} trouble */
  #onShown(trouble) {
    this.#status.textContent = trouble;
    if (this.#isPlaying) this.#timer = setTimeout(() => this.#playOn(), PLAY_MS);
  }

  #playOn() {
    if (this.#at < this.#times.length - 1) this.#show(this.#at + 1);
    else this.#setPlaying(false);
  }

  /** @param {boolean} isPlaying */
  #setPlaying(isPlaying) {
    clearTimeout(this.#timer);
    this.#isPlaying = isPlaying;
    this.#play.textContent = t(isPlaying ? "kept_pause" : "kept_play");
    if (!isPlaying) return;
    // From the end it begins again; each picture that is there has the next one shown.
    this.#show(this.#at < this.#times.length - 1 ? this.#at + 1 : 0);
  }
}

customElements.define("camera-timeline", CameraTimeline);

/**
 * Returns when the kept frames of a camera came; none where the gateway keeps none.
 * @param {string} device
 * @returns {Promise<number[]>}
 */
async function keptOf(device) {
  try {
    return (await request("GET", `${pathOf(device, "frames")}?frames_max=${FRAMES_MAX}`)).frames;
  } catch (error) {
    if (error instanceof Problem && error.code === "not_kept") throw t("kept_off");
    throw error;
  }
}
