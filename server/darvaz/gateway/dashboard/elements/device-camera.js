// The live picture of a camera: always the newest frame; older ones are dropped.

import { baseOf, webSocketAddress } from "../lib/addresses.js";
import { fullScreenButton } from "./full-screen.js";
import {
  button,
  DevicePart,
  every,
  fetchFile,
  follow,
  formatNumber,
  h,
  hint,
  icon,
  nameOf,
  pathOf,
  resultLine,
  row,
  saving,
  signButton,
  t,
  visible,
} from "./page-parts.js";
import "../lib/words-cameras.js";

const RETRY_MS = 3_000;
const RATE_PERIOD_MS = 1_000;
// Frames are requested a little before the picture scrolls into view.
const MARGIN = "200px";

class DeviceCamera extends DevicePart {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Blob | null} the newest frame, while an older one is being decoded */
  #next = null;
  #isDecoding = false;
  #isInView = false;
  /** Frames since the rate was last shown. */
  #frames = 0;
  #picture = h("img", { hidden: true });
  #note = hint("waiting");
  #frame = h("div", { class: "picture" }, this.#picture, this.#note);
  #rate = h("span", { class: "quiet" });
  #status = resultLine();
  #observer = new IntersectionObserver(
    (entries) => {
      this.#isInView = entries[entries.length - 1].isIntersecting;
      this.#onView();
    },
    { rootMargin: MARGIN },
  );
  #onView = () => (this.#isSeen ? this.#open() : this.#close());

  connectedCallback() {
    const device = this.known;
    this.#picture.alt = t("picture_of", visible(device ? nameOf(device) : this.device));
    const isSmall = this.hasAttribute("small");
    // On the whole screen it is as quick as on its own page.
    const onchange = (/** @type {boolean} */ isFull) => this.#ask(isFull ? null : this.getAttribute("fps"));
    const whole = fullScreenButton(this.#frame, { isSmall, onchange });
    const save = isSmall
      ? signButton("snapshot", icon("camera"), () => this.#save())
      : button("snapshot", () => this.#save());
    const tools = row(save, whole, !isSmall && this.#rate, this.#status);
    if (isSmall) tools.classList.add("over");
    this.replaceChildren(h("div", { class: "camera-frame" }, this.#frame, isSmall && tools), isSmall ? "" : tools);
    for (const type of ["load", "error"]) this.#picture.addEventListener(type, () => this.#onDecoded());
    document.addEventListener("visibilitychange", this.#onView);
    this.#observer.observe(this);
    follow(this, "device", (id) => id === this.device && this.#showNote());
    follow(this, "devices", () => this.#showNote());
    this.#showNote();
    every(this, RATE_PERIOD_MS, () => this.#showRate());
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#onView);
    this.#observer.disconnect();
    this.#close();
    URL.revokeObjectURL(this.#picture.src);
  }

  /** @param {string | null} fps null: as many as the camera is set to */
  #ask(fps) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(fps ? { fps: Number(fps) } : {}));
  }

  // A camera need not send what nobody sees: below the window's edge, or on a hidden page.
  get #isSeen() {
    return this.isConnected && this.#isInView && !document.hidden;
  }

  #open() {
    if (this.#socket || !this.#isSeen) return;
    const fps = this.#frame.classList.contains("full") ? null : this.getAttribute("fps");
    const path = `/ws/view/${encodeURIComponent(this.device)}${fps ? `?fps=${fps}` : ""}`;
    const socket = new WebSocket(webSocketAddress(baseOf(location)) + path);
    this.#socket = socket;
    socket.binaryType = "blob";
    socket.onmessage = ({ data }) => data instanceof Blob && this.#receive(data);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      setTimeout(() => this.#open(), RETRY_MS);
    };
  }

  #close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** @param {Blob} frame */
  #receive(frame) {
    this.#frames += 1;
    if (this.#isDecoding) this.#next = frame;
    else this.#decode(frame);
  }

  /** @param {Blob} frame */
  #decode(frame) {
    this.#isDecoding = true;
    this.#next = null;
    const old = this.#picture.src;
    this.#picture.src = URL.createObjectURL(new Blob([frame], { type: "image/jpeg" }));
    if (old) URL.revokeObjectURL(old);
  }

  #onDecoded() {
    this.#isDecoding = false;
    this.#picture.hidden = false;
    this.#showNote();
    if (this.#next && this.isConnected) this.#decode(this.#next);
  }

  // The gateway requests a fresh frame from the camera.
  async #save() {
    this.#status.className = "status pending";
    this.#status.textContent = t("waiting");
    await saving(this.#status, async () => {
      const url = URL.createObjectURL(await fetchFile(pathOf(this.device, "snapshot.jpg")));
      h("a", { href: url, download: `${this.device}.jpg` }).click();
      setTimeout(() => URL.revokeObjectURL(url), RETRY_MS);
    });
  }

  #showNote() {
    const isOffline = this.known?.online === false;
    const offline = this.#picture.hidden ? "camera_offline" : "camera_old";
    this.#note.hidden = !this.#picture.hidden && !isOffline;
    this.#note.textContent = t(isOffline ? offline : "waiting");
    this.#frame.classList.toggle("away", isOffline);
  }

  #showRate() {
    this.#rate.textContent = t("rate", formatNumber(this.#frames));
    this.#frames = 0;
  }
}

customElements.define("device-camera", DeviceCamera);
