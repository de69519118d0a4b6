// What a camera sends, and the choice of size, quality and rate: what its board allows, kept by the gateway.

import { field } from "./control-fields.js";
import {
  attempt,
  button,
  DevicePart,
  every,
  follow,
  formatBytes,
  formatNumber,
  h,
  pathOf,
  request,
  resultLine,
  row,
  store,
  t,
  visible,
} from "./page-parts.js";

/** @import { ArgumentInput, CameraState, PictureChoice, Value } from "../lib/types.js" */

const REFRESH_MS = 3_000;
const LOOK_MS = 400;
const LOOKS_MAX = 30;
const FPS_MIN = 0.5;

class CameraPicture extends DevicePart {
  /** @type {PictureChoice} what was chosen; null: the default */
  #chosen = { fps: null, size: null, quality: null };
  /** @type {ArgumentInput[]} */
  #inputs = [];
  /** What the inputs were made from, as JSON. */
  #offered = "";
  /** Counts what was chosen: only the last is waited for. */
  #changes = 0;
  #isSaving = false;
  #now = h("p", { class: "quiet" });
  #fields = h("span", { class: "row" });
  #usual = button("picture_usual", () => this.#save({ fps: null, size: null, quality: null }), "link");
  #status = resultLine();
  #choices = row(this.#fields, this.#usual, this.#status);

  connectedCallback() {
    this.replaceChildren(this.#now, this.#choices);
    follow(this, "device", (id) => id === this.device && this.#load());
    every(this, REFRESH_MS, () => document.hidden || this.#load());
    this.#load();
  }

  // What fails now is asked for again soon.
  async #load() {
    if (this.#isSaving) return;
    /** @type {CameraState | null} */
    const camera = await request("GET", pathOf(this.device, "camera")).catch(() => null);
    if (camera && !this.#isSaving) this.#show(camera);
  }

  /** @param {CameraState} camera */
  #show(camera) {
    const { picture } = camera;
    this.#now.textContent = nowText(camera);
    this.#choices.hidden = !store.mayChange || picture.state === "own" || !this.#offer(camera);
    if (!this.#isSaving) this.#chosen = { fps: picture.fps, size: picture.size, quality: picture.quality };
    const shown = /** @type {Record<string, Value | null>} */ ({ ...picture.usual });
    for (const { key, element, write } of this.#inputs) {
      const value = this.#chosen[/** @type {keyof PictureChoice} */ (key)] ?? shown[key];
      if (!element.contains(document.activeElement)) write(value ?? undefined);
    }
    this.#usual.hidden = Object.values(this.#chosen).every((value) => value === null);
  }

  /**
   * Makes the inputs of what the board allows; returns whether there are any.
   * @param {CameraState} camera
   */
  #offer({ picture: { sizes, quality_min, quality_max, fps_max } }) {
    const offered = JSON.stringify([sizes, quality_min, quality_max, fps_max]);
    if (offered === this.#offered) return this.#inputs.length > 0;
    this.#offered = offered;
    const options = Object.fromEntries(sizes.map(({ name, width, height }) => [name, sizeText(name, width, height)]));
    const title = (/** @type {string} */ key) => t(`picture_${key}`);
    this.#inputs = [];
    if (sizes.length) {
      const choices = sizes.map(({ name }) => name);
      this.#inputs.push(field("size", { type: "string", choices, options, title: title("size") }));
    }
    if (quality_max)
      this.#inputs.push(
        field("quality", { type: "integer", min: quality_min, max: quality_max, title: title("quality") }),
      );
    this.#inputs.push(field("fps", { type: "number", min: FPS_MIN, max: fps_max, step: FPS_MIN, title: title("fps") }));
    for (const { key, element, read } of this.#inputs)
      element.addEventListener("change", () => this.#save({ [key]: read() }));
    this.#fields.replaceChildren(...this.#inputs.map(({ element }) => element));
    return true;
  }

  /** @param {Partial<PictureChoice>} change */
  async #save(change) {
    this.#chosen = { ...this.#chosen, ...change };
    this.#changes += 1;
    const number = this.#changes;
    this.#isSaving = true;
    this.#tell("pending", t("picture_pending"));
    this.#fields.setAttribute("aria-busy", "true");
    const isDone = await attempt(this.#status, async () => {
      await request("PUT", pathOf(this.device, "camera", "picture"), this.#chosen);
      await this.#settle(number);
    });
    // Another value was chosen meanwhile.
    if (number !== this.#changes) return;
    if (!isDone) this.#status.className = "status failed";
    this.#fields.removeAttribute("aria-busy");
    this.#isSaving = false;
    await this.#load();
  }

  // The camera itself has the last word.
  /** @param {number} number of the change */
  async #settle(number) {
    for (let look = 0; look < LOOKS_MAX && this.isConnected; look += 1) {
      /** @type {CameraState} */
      const camera = await request("GET", pathOf(this.device, "camera"));
      if (number !== this.#changes) return undefined;
      this.#show(camera);
      const { state, reason } = camera.picture;
      if (state === "refused") return this.#tell("failed", t("picture_refused", visible(reason)));
      if (state === "offline") return this.#tell("done", t("picture_later"));
      if (state === "agreed") return this.#tell("done", t("saved"));
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return this.#tell("pending", t("picture_no_answer"));
  }

  /** @type {(state: "pending" | "done" | "failed", text: string) => void} */
  #tell(state, text) {
    this.#status.className = `status ${state}`;
    this.#status.textContent = text;
  }
}

customElements.define("camera-picture", CameraPicture);

/** @type {(name: string, width: number, height: number) => string} */
function sizeText(name, width, height) {
  return `${name} · ${formatNumber(width)} × ${formatNumber(height)}`;
}

/**
 * Returns what a camera sends now, in words.
 * @param {CameraState} camera
 */
function nowText({ asked, arriving_fps, frame_bytes, viewers, picture }) {
  if (!asked) return picture.state === "own" ? t("picture_own") : "";
  const size = picture.sizes.find(({ name }) => name === asked.size);
  const parts = [
    size ? sizeText(size.name, size.width, size.height) : asked.size,
    asked.quality !== null && `${t("picture_quality")} ${formatNumber(asked.quality)}`,
    t("rate", formatNumber(arriving_fps, 1)),
    frame_bytes !== null && t("picture_bytes", formatBytes(frame_bytes)),
    t("picture_viewers", formatNumber(viewers)),
  ];
  // Isolated, so that digits of one are not beside letters of another.
  const isolated = parts.filter(Boolean).map((part) => `\u2068${part}\u2069`);
  return t("picture_now", isolated.join(" · "));
}
