// What the page knows: devices, their newest values, and the one stream of events that keeps them true.

import { ask, pathOf } from "./api.js";

const AGAIN_MS = 2_000;
// Browsers allow six connections to a host: pages that nobody sees give theirs back.
const HIDDEN_MS = 10_000;
// Where the stream of events is held up on its way, the page shows what there is without it.
const STREAM_MS = 3_000;
const TYPES = "presence,forgotten,telemetry,ack,frames";

class Store extends EventTarget {
  devices = new Map();
  state = "connecting";
  role = "viewer";
  bySession = false;
  #stream = null;
  #timer = 0;
  #watched = null;
  #lastId = "";
  #isBehind = false;
  #turning = 0;
  #reloading = 0;
  // What events tell while an answer is on its way is newer than the answer; null is a device forgotten.
  #told = new Map();
  #measured = new Map();
  #loads = 0;

  /** Signs on to the events and then fetches the devices, so that nothing is missed between; returns when they are known. */
  async open() {
    const heard = new Promise((resolve) => {
      this.addEventListener("state", resolve, { once: true });
      setTimeout(resolve, STREAM_MS);
    });
    this.#listen();
    const who = await ask("GET", "/api/session");
    this.role = who.role;
    this.bySession = who.by === "session";
    document.addEventListener("visibilitychange", () => this.#rest());
    await heard;
    await this.load();
  }

  get mayChange() {
    return this.role === "operator";
  }

  /** Hears one device with its log, and no other; null hears all of them without their logs. */
  watch(device) {
    if (device === this.#watched) return;
    this.#watched = device;
    this.#lastId = "";
    this.#isBehind = true;
    clearTimeout(this.#turning);
    // Leaving one device for another is one change.
    this.#turning = setTimeout(() => this.#stream && this.#listen());
  }

  async load() {
    if (!this.#loads) {
      this.#told.clear();
      this.#measured.clear();
    }
    this.#loads += 1;
    try {
      const answer = await ask("GET", "/api/devices");
      this.devices = new Map(answer.devices.map((device) => [device.id, device]));
      for (const [id, device] of this.#told) this.#put(id, device);
      for (const [id, values] of this.#measured) Object.assign(this.devices.get(id)?.values ?? {}, values);
    } finally {
      this.#loads -= 1;
    }
    this.#tell("devices");
  }

  #put(id, device) {
    if (device) this.devices.set(id, device);
    else this.devices.delete(id);
    if (this.#loads) this.#told.set(id, device);
  }

  /** Fetches one device anew. */
  async renew(id) {
    this.#meet(await ask("GET", pathOf(id)));
  }

  #listen() {
    clearTimeout(this.#timer);
    this.#stream?.close();
    const stream = this.#stream = new EventSource(this.#address());
    const hear = (type, call) => stream.addEventListener(type, (event) => {
      this.#lastId = event.lastEventId || this.#lastId;
      call(JSON.parse(event.data));
    });
    hear("hello", (detail) => {
      this.#enter("live");
      this.#tell("hello", detail);
    });
    hear("gap", (detail) => {
      this.#reload();
      this.#tell("gap", detail);
    });
    hear("presence", (device) => this.#meet(device));
    hear("forgotten", ({ device }) => {
      this.#put(device, null);
      this.#tell("devices");
    });
    hear("telemetry", (report) => this.#measure(report));
    for (const type of ["ack", "frames", "log"]) hear(type, (detail) => this.#tell(type, detail));
    stream.onerror = () => this.#lose();
  }

  // A flood of lines makes many gaps.
  #reload() {
    this.#reloading ||= setTimeout(() => {
      this.#reloading = 0;
      this.load().catch(() => {});
    }, AGAIN_MS);
  }

  #address() {
    const wanted = new URLSearchParams({ types: this.#watched === null ? TYPES : `${TYPES},log` });
    if (this.#watched !== null) wanted.set("device", this.#watched);
    if (this.#lastId) wanted.set("last_event_id", this.#lastId);
    return `/api/events?${wanted}`;
  }

  #enter(state) {
    const wasLost = this.state === "lost";
    this.state = state;
    this.#tell("state");
    if (state !== "live" || !(wasLost || this.#isBehind)) return;
    this.#isBehind = false;
    this.load().catch(() => {});
  }

  // While the gateway is away the browser tries again by itself; a refusal ends its attempts, and ours begin.
  #lose() {
    this.#enter("lost");
    if (this.#stream.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      await ask("GET", "/api/session").catch(() => {});
      this.#listen();
    }, AGAIN_MS);
  }

  #rest() {
    clearTimeout(this.#timer);
    if (document.hidden) {
      this.#timer = setTimeout(() => {
        this.#stream?.close();
        this.#stream = null;
      }, HIDDEN_MS);
    } else if (this.#stream === null) {
      this.state = "lost";
      this.#listen();
    }
  }

  #meet(device) {
    const isNew = !this.devices.has(device.id);
    this.#put(device.id, device);
    this.#tell(isNew ? "devices" : "device", device.id);
    if (isNew) this.#tell("arrived", device.id);
  }

  #measure({ device: id, time, values }) {
    const device = this.devices.get(id);
    if (!device) return;
    const fresh = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, time }]));
    Object.assign(device.values, fresh);
    // Of the device itself a reading says nothing new.
    if (this.#loads) this.#measured.set(id, { ...this.#measured.get(id), ...fresh });
    this.#tell("telemetry", { id, time, values });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

export const store = new Store();

/** Listens to the store for as long as an element is on the page. */
export function follow(element, type, call) {
  const listen = (event) => (element.isConnected ? call(event.detail) : store.removeEventListener(type, listen));
  store.addEventListener(type, listen);
}

/** Returns what people call a device. */
export function nameOf(device) {
  return device.label || device.id;
}
