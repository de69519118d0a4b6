// The state of the page: the devices, the role of the reader, and the one stream of events that keeps them current.

import { loadDevices, pathOf, relative, request } from "./api.js";
import { KnownDevices } from "./known-devices.js";

/** @import { Device, Role, StoreEvents } from "./types.js" */

const RETRY_MS = 2_000;
// Browsers allow six connections to a host: hidden pages give theirs back.
const CLOSE_HIDDEN_MS = 10_000;
// Where a proxy delays the stream of events, the page is shown without it after this time.
const STREAM_DEADLINE_MS = 3_000;
const TYPES = "presence,forgotten,telemetry,ack,frames,alert";

class Store extends EventTarget {
  /** @type {"connecting" | "live" | "lost"} the state of the stream */
  state = "connecting";
  /** @type {Role} */
  role = "viewer";
  /** Whether a browser session, rather than the gateway's own machine or a token, lets the reader in. */
  bySession = false;
  #known = new KnownDevices();
  /** @type {EventSource | null} null while a hidden page holds no stream */
  #stream = null;
  /** Timer of the next attempt, or of the end of a hidden page's stream. */
  #timer = 0;
  /** Timer of the change to another device. */
  #watchTimer = 0;
  /** Timer of the list that is loaded after a gap. */
  #reloadTimer = 0;
  /** @type {string | null} the one device whose events and log are received; null: all devices, without logs */
  #watched = null;
  /** The id of the newest event: a new stream continues after it. */
  #lastId = "";
  /** Whether events were missed because the stream was of another device. */
  #isBehind = false;

  get devices() {
    return this.#known.all;
  }

  get mayChange() {
    return this.role === "operator";
  }

  /**
   * Opens the stream of events, then loads the devices, so that no change is missed; returns when they are known.
   * A page that is hidden from its start, in a tab of the background, opens the stream when it is shown.
   */
  async open() {
    const opened = new Promise((resolve) => {
      this.addEventListener("state", resolve, { once: true });
      setTimeout(resolve, STREAM_DEADLINE_MS);
    });
    document.addEventListener("visibilitychange", () => this.#onVisibility());
    if (!document.hidden) this.#openStream();
    const session = await request("GET", "/api/session");
    this.role = session.role;
    this.bySession = session.by === "session";
    if (this.#stream) await opened;
    await this.load();
  }

  /**
   * Receives the events and the log of one device only; null: the events of all devices, without logs.
   * @param {string | null} device
   */
  watch(device) {
    if (device === this.#watched) return;
    this.#watched = device;
    this.#lastId = "";
    this.#isBehind = true;
    clearTimeout(this.#watchTimer);
    // From one device's page to another is two calls and one change.
    this.#watchTimer = setTimeout(() => this.#stream && this.#openStream());
  }

  /** Loads the list of devices. */
  async load() {
    this.#known.beginLoad();
    /** @type {Device[] | null} */
    let list = null;
    try {
      list = await loadDevices();
    } finally {
      this.#known.endLoad(list);
    }
    this.emit("devices", undefined);
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

  #openStream() {
    clearTimeout(this.#timer);
    this.#stream?.close();
    const stream = new EventSource(this.#streamPath());
    this.#stream = stream;
    /** @type {(type: string, call: (detail: any) => void) => void} */
    const on = (type, call) =>
      stream.addEventListener(type, (event) => {
        this.#lastId = event.lastEventId || this.#lastId;
        call(JSON.parse(event.data));
      });
    on("hello", (detail) => {
      this.#enter("live");
      this.emit("hello", detail);
    });
    on("gap", (detail) => {
      // What a board lost is not in the list either.
      if (detail.device === undefined) this.#loadSoon();
      this.emit("gap", detail);
    });
    on("presence", (device) => this.#onPresence(device));
    on("forgotten", ({ device }) => {
      this.#known.delete(device);
      this.emit("devices", undefined);
    });
    on("telemetry", ({ device: id, time, values }) => {
      if (this.#known.addReadings({ id, time, values })) this.emit("telemetry", { id, time, values });
    });
    for (const type of /** @type {const} */ (["ack", "frames", "log", "alert"]))
      on(type, (detail) => this.emit(type, detail));
    on("crash", ({ device }) => this.emit("crash", device));
    stream.onerror = () => this.#onStreamError(stream);
  }

  #streamPath() {
    const query = new URLSearchParams({ types: this.#watched === null ? TYPES : `${TYPES},log,crash` });
    if (this.#watched !== null) query.set("device", this.#watched);
    if (this.#lastId) query.set("last_event_id", this.#lastId);
    return relative(`/api/events?${query}`);
  }

  // Many lines in a short time cause many gaps: one list answers them all.
  #loadSoon() {
    if (this.#reloadTimer) return;
    this.#reloadTimer = setTimeout(() => {
      this.#reloadTimer = 0;
      this.load().catch(() => {});
    }, RETRY_MS);
  }

  /** @param {"live" | "lost"} state */
  #enter(state) {
    const mustLoad = state === "live" && (this.state === "lost" || this.#isBehind);
    this.state = state;
    this.emit("state", undefined);
    if (!mustLoad) return;
    this.#isBehind = false;
    this.load().catch(() => {});
  }

  /**
   * The browser reconnects by itself, except after a refusal: then this does.
   * @param {EventSource} stream
   */
  #onStreamError(stream) {
    this.#enter("lost");
    if (stream.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      await request("GET", "/api/session").catch(() => {});
      this.#openStream();
    }, RETRY_MS);
  }

  #onVisibility() {
    clearTimeout(this.#timer);
    if (document.hidden) {
      this.#timer = setTimeout(() => {
        this.#stream?.close();
        this.#stream = null;
      }, CLOSE_HIDDEN_MS);
    } else if (this.#stream === null) {
      this.state = "lost";
      this.#openStream();
    }
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
