// A camera's live picture: always the newest frame, none is waited for.

import { fetchFile, pathOf } from "../lib/api.js";
import { h, visible } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { follow, nameOf, store } from "../lib/store.js";
import { t } from "../lib/words.js";

const FPS = 10;
const AGAIN_MS = 3_000;
const RATE_EVERY_MS = 1_000;
const NEAR = "200px";

class DeviceCamera extends HTMLElement {
  #socket = null;
  #next = null;
  #isShowing = false;
  #frames = 0;

  connectedCallback() {
    this.device = this.getAttribute("device");
    const device = store.devices.get(this.device);
    this.picture = h("img", { alt: t("picture_of", visible(device ? nameOf(device) : this.device)), hidden: true });
    this.note = h("p", { class: "quiet" }, t("waiting"));
    this.rate = h("span", { class: "quiet" });
    this.frame = h("div", { class: "picture" }, this.picture, this.note);
    this.status = h("output", { class: "status" });
    const tools = h("div", { class: "row" },
      h("button", { type: "button", class: "quiet", onclick: () => this.#save() }, t("snapshot")),
      // iPhones fill their screen with films only.
      document.fullscreenEnabled && h("button", { type: "button", class: "quiet", onclick: () => this.frame.requestFullscreen() }, t("full_screen")),
      this.rate, this.status);
    this.replaceChildren(this.frame, ...(this.hasAttribute("small") ? [] : [tools]));
    this.picture.addEventListener("load", () => this.#shown());
    this.picture.addEventListener("error", () => this.#shown());
    this.seen = () => (this.#isSeen ? this.#open() : this.#close());
    document.addEventListener("visibilitychange", this.seen);
    this.watcher = new IntersectionObserver((entries) => {
      this.isInView = entries.at(-1).isIntersecting;
      this.seen();
    }, { rootMargin: NEAR });
    this.watcher.observe(this);
    follow(this, "device", (id) => id === this.device && this.#note());
    follow(this, "devices", () => this.#note());
    this.#note();
    this.timer = setInterval(() => this.#count(), RATE_EVERY_MS);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.seen);
    this.watcher.disconnect();
    clearInterval(this.timer);
    this.#close();
    URL.revokeObjectURL(this.picture.src);
  }

  // A camera that nobody sees, on a long wall or in a hidden page, need not send.
  get #isSeen() {
    return this.isConnected && this.isInView && !document.hidden;
  }

  #open() {
    if (this.#socket || !this.#isSeen) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const fps = this.getAttribute("fps") ?? FPS;
    const socket = this.#socket = new WebSocket(`${scheme}//${location.host}/ws/view/${encodeURIComponent(this.device)}?fps=${fps}`);
    socket.binaryType = "blob";
    socket.onmessage = ({ data }) => data instanceof Blob && this.#take(data);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      setTimeout(() => this.#open(), AGAIN_MS);
    };
  }

  #close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #take(data) {
    this.#frames += 1;
    this.#next = data;
    if (!this.#isShowing) this.#show();
  }

  #show() {
    this.#isShowing = true;
    const old = this.picture.src;
    this.picture.src = URL.createObjectURL(new Blob([this.#next], { type: "image/jpeg" }));
    this.#next = null;
    if (old) URL.revokeObjectURL(old);
  }

  #shown() {
    this.#isShowing = false;
    this.picture.hidden = false;
    this.#note();
    if (this.#next && this.isConnected) this.#show();
  }

  // The gateway asks the camera for a fresh one; whoever clicks sees what became of it.
  async #save() {
    const say = (kind, text) => {
      this.status.className = `status ${kind}`;
      this.status.textContent = text;
    };
    say("pending", t("waiting"));
    try {
      const url = URL.createObjectURL(await fetchFile(pathOf(this.device, "snapshot.jpg")));
      h("a", { href: url, download: `${this.device}.jpg` }).click();
      setTimeout(() => URL.revokeObjectURL(url), AGAIN_MS);
      say("done", t("saved"));
    } catch (problem) {
      say("failed", t("failed", problem.said));
    }
  }

  #note() {
    const isAway = store.devices.get(this.device)?.online === false;
    this.note.hidden = !this.picture.hidden && !isAway;
    this.note.textContent = t(!isAway ? "waiting" : this.picture.hidden ? "camera_gone" : "camera_away");
    this.frame.classList.toggle("away", isAway);
  }

  #count() {
    this.rate.textContent = t("rate", number(this.#frames));
    this.#frames = 0;
  }
}

customElements.define("device-camera", DeviceCamera);
