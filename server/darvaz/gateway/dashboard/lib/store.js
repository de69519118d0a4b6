// The state of the page: the devices, the role of the reader, and the one stream of events that keeps them current.

import { loadDevices, pathOf, request } from "./api.js";
import { setClock } from "./clock.js";
import { Events } from "./events.js";
import { KnownDevices } from "./known-devices.js";
import { chooseLanguage } from "./words.js";

/** @import { Device, Limits, Role, StoreEvents } from "./types.js" */

const RETRY_MS = 2_000;
// index.html asks for it before the scripts are there: the whole of most fleets, and what a slow network can carry soon.
const FIRST_DEVICES = "/api/devices?limit=200";
// Where a proxy delays the stream of events, the other devices are loaded without it after this time.
const STREAM_DEADLINE_MS = 3_000;

class Store extends EventTarget {
  /** @type {"connecting" | "live" | "lost"} the state of the stream */
  state = "connecting";
  /** @type {Role} */
  role = "viewer";
  /** Whether a browser session, rather than the gateway's own machine or a token, lets the reader in. */
  bySession = false;
  /** What the reader is called; "" for one without a name. */
  name = "";
  /** @type {Limits | null} the boards and commands that the reader may see and use; null: all */
  limits = null;
  /** @type {() => void} */
  #tellBegun = () => {};
  /** Is done once it is known who reads. */
  begun = new Promise((resolve) => {
    this.#tellBegun = () => resolve(undefined);
  });
  /** @type {() => void} */
  #tellOpened = () => {};
  /** Is done once the first devices are shown: on a slow network nothing may be loaded beside them. */
  #opened = new Promise((resolve) => {
    this.#tellOpened = () => resolve(undefined);
  });
  #known = new KnownDevices();
  #events = new Events((message) => this.#receive(message));
  #isOpening = false;
  /** Timer of the change to another device. */
  #watchTimer = 0;
  /** Timer of the list that is loaded after a gap. */
  #reloadTimer = 0;
  /** @type {string | null} the one device whose events and log are received; null: all devices, without logs */
  #watched = null;
  /** Whether events were missed: before the stream was there, or while it was of another device. */
  #isBehind = true;
  /** Whether all devices are known. */
  isWhole = false;

  get devices() {
    return this.#known.all;
  }

  get mayChange() {
    return this.role === "operator" || this.role === "owner";
  }

  /**
   * Whether the reader may send a command to a device; the gateway decides by the same rules.
   * @param {Device} device
   * @param {string} command
   */
  mayUse(device, command) {
    if (!this.limits) return this.mayChange;
    const { grants, layout, may_command } = this.limits;
    if (!may_command || layout) return may_command;
    return grants.some(
      ({ group, commands }) =>
        (group === null || device.groups.includes(group)) &&
        (commands ?? Object.keys(device.commands)).includes(command),
    );
  }

  /**
   * Whether a page is for the reader.
   * @param {"all" | "viewers" | "operators" | "owners"} readers
   */
  mayOpen(readers) {
    if (readers === "owners") return this.role === "owner";
    if (readers === "operators") return this.mayChange;
    return readers === "all" || !this.limits;
  }

  /**
   * Loads who reads and the first devices; all are loaded again with the first event, so that no change is missed. A page
   * that is hidden from its start, in a tab of the background, opens the stream when it is shown. May be called again
   * after it failed.
   */
  async open() {
    const listen = () => this.#events.want({ isSeen: !document.hidden });
    if (!this.#isOpening) document.addEventListener("visibilitychange", listen);
    this.#isOpening = true;
    listen();
    await Promise.all([this.#begin(), this.load(true)]);
    setTimeout(this.#tellOpened);
    if (!this.isWhole) setTimeout(() => this.isWhole || this.#loadSafely(), STREAM_DEADLINE_MS);
  }

  // Who reads: a page that guesses would offer too little, or too much.
  async #begin() {
    const session = await request("GET", "/api/session");
    this.role = session.role;
    this.bySession = session.by === "session";
    this.name = session.name;
    this.limits = session.limits;
    if (session.language) chooseLanguage(session.language);
    this.#tellBegun();
  }

  /**
   * Receives the events and the log of one device only; null: the events of all devices, without logs.
   * @param {string | null} device
   */
  watch(device) {
    if (device === this.#watched) return;
    this.#watched = device;
    this.#isBehind = true;
    clearTimeout(this.#watchTimer);
    // From one device's page to another is two calls and one change.
    this.#watchTimer = setTimeout(() => this.#events.want({ device }));
  }

  /** Loads the list of devices. */
  async load(isFirst = false) {
    this.#known.beginLoad();
    /** @type {Device[] | null} */
    let list = null;
    try {
      const page = isFirst ? await request("GET", FIRST_DEVICES) : { devices: await loadDevices() };
      // All of them may have come before.
      if (!page.next || !this.isWhole) list = page.devices;
      this.isWhole ||= !page.next;
    } finally {
      this.#known.endLoad(list);
    }
    this.emit("devices", undefined);
  }

  #loadSafely() {
    this.load().catch(() => this.#loadSoon());
  }

  /**
   * Loads one device again.
   * @param {string} id
   */
  async reload(id) {
    this.#onPresence(await request("GET", pathOf(id)));
  }

  /**
   * @template {keyof StoreEvents} T
   * @param {T} type
   * @param {StoreEvents[T]} detail
   */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {import("./event-hub.js").HubMessage} message */
  #receive({ type, data, device }) {
    if (type === "lost" || type === "refused") this.#onLost(type === "refused");
    // Nobody looks: what is missed meanwhile is loaded once the stream is there again.
    else if (type === "paused") this.state = "lost";
    else if (type === "hello") this.#onHello(data, device);
    else if (type === "presence") this.#onPresence(data);
    else if (type === "telemetry") this.#onTelemetry(data);
    else if (type === "forgotten") {
      this.#known.delete(data.device);
      this.emit("devices", undefined);
    } else if (type === "crash") this.emit("crash", data.device);
    else {
      // What a board lost is not in the list either.
      if (type === "gap" && data.device === undefined) this.#loadSoon();
      this.emit(/** @type {any} */ (type), data);
    }
  }

  /**
   * The stream of all devices may begin while that of one device is asked for: the lines up to there are still to come.
   * @param {{time: number}} hello
   * @param {string | null | undefined} device
   */
  #onHello(hello, device) {
    if (device !== this.#watched) return;
    setClock(hello.time);
    this.#enter("live");
    this.emit("hello", hello);
  }

  /** @param {any} report */
  #onTelemetry({ device: id, time, values }) {
    if (this.#known.addReadings({ id, time, values })) this.emit("telemetry", { id, time, values });
  }

  // Many lines in a short time cause many gaps: one list answers them all.
  #loadSoon() {
    if (this.#reloadTimer) return;
    this.#reloadTimer = setTimeout(() => {
      this.#reloadTimer = 0;
      this.#loadSafely();
    }, RETRY_MS);
  }

  /** @param {"live" | "lost"} state */
  #enter(state) {
    const mustLoad = state === "live" && (this.state === "lost" || this.#isBehind);
    this.state = state;
    this.emit("state", undefined);
    if (!mustLoad) return;
    this.#isBehind = false;
    this.#opened.then(() => this.#loadSafely());
  }

  /** @param {boolean} isRefused */
  async #onLost(isRefused) {
    this.#enter("lost");
    // Who is not signed in any more is led to the sign-in page.
    if (isRefused) await request("GET", "/api/session").catch(() => {});
  }

  /** @param {Device} device */
  #onPresence(device) {
    const isNew = this.#known.set(device);
    if (!isNew) {
      this.emit("device", device.id);
      return;
    }
    this.emit("devices", undefined);
    this.emit("arrived", device.id);
  }
}

export const store = new Store();

/**
 * Calls a function for each event of the store for as long as an element is on the page.
 * @template {keyof StoreEvents} T
 * @param {HTMLElement} element
 * @param {T} type
 * @param {(detail: StoreEvents[T]) => void} call
 */
export function follow(element, type, call) {
  const listen = (/** @type {Event} */ event) => {
    if (element.isConnected) call(/** @type {CustomEvent} */ (event).detail);
    else store.removeEventListener(type, listen);
  };
  store.addEventListener(type, listen);
}
