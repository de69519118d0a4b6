// The streams of events of a browser: all its tabs share two of them, one of all devices and one of those that are
// looked at, with their logs. Browsers allow six connections to a host, and commands must always get one.

const RETRY_MS = 2_000;
// Streams of a browser that nobody looks at end after this time.
const CLOSE_HIDDEN_MS = 10_000;
// A tab that says nothing for so long is gone; hidden ones speak once a minute.
const SILENT_MS = 200_000;
const TYPES = "presence,forgotten,telemetry,ack,frames,alert,rollout";
const DEVICES_MAX = 32;
const WATCHED_TYPES = `${TYPES},log,crash`;
const EVENTS = ["gap", ...WATCHED_TYPES.split(",")];

/**
 * An event of the gateway, or "lost", "refused" or "paused"; "hello" has the wish whose stream has begun in `device`.
 * @typedef {{type: string, data?: any, device?: string | null}} HubMessage
 */
/** @typedef {{device: string | null, isSeen: boolean}} Wish what a tab shows: one device, or all; whether it is seen */

/**
 * One tab.
 * @typedef {object} Tab
 * @property {Wish} wish
 * @property {number} heardMs when it last spoke
 * @property {(message: HubMessage) => void} send
 */

/** One stream, for several tabs; it goes on where it stopped. */
class Stream {
  /** @type {EventSource | null} */
  #source = null;
  #path = "";
  #lastId = "";
  #timer = 0;
  /** @type {{time: number, atMs: number, data: any} | null} what the gateway said first; null while it is lost */
  #hello = null;

  /** @param {(message: HubMessage) => void} send to the tabs of this stream */
  constructor(send) {
    this.send = send;
  }

  /**
   * Opens the stream at a path, or closes it with "".
   * @param {string} path
   */
  open(path) {
    if (path === this.#path && (this.#source || !path)) return;
    this.#path = path;
    this.#close();
    if (path) this.#connect();
  }

  /** Returns what a tab that joins is told first, or null while there is nothing to tell. */
  hello() {
    if (!this.#hello) return null;
    const { time, atMs, data } = this.#hello;
    return { ...data, time: time + (Date.now() - atMs) / 1000 };
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.#hello = null;
  }

  #connect() {
    const since = this.#lastId && `&last_event_id=${this.#lastId}`;
    const source = new EventSource(this.#path + since);
    this.#source = source;
    /** @type {(type: string, call: (data: any) => void) => void} */
    const on = (type, call) =>
      source.addEventListener(type, (event) => {
        const { data, lastEventId } = /** @type {MessageEvent} */ (event);
        this.#lastId = lastEventId || this.#lastId;
        call(JSON.parse(data));
      });
    on("hello", (data) => {
      this.#hello = { time: data.time, atMs: Date.now(), data };
      this.send({ type: "hello", data });
    });
    for (const type of EVENTS) on(type, (data) => this.send({ type, data }));
    source.onerror = () => this.#onError(source);
  }

  // The browser reconnects by itself, except after a refusal: then this does.
  /** @param {EventSource} source */
  #onError(source) {
    const isRefused = source.readyState === EventSource.CLOSED;
    this.#hello = null;
    this.send({ type: isRefused ? "refused" : "lost" });
    if (!isRefused || source !== this.#source) return;
    this.#close();
    this.#timer = setTimeout(() => this.#path && this.#connect(), RETRY_MS);
  }
}

/** Opens the streams that the tabs of a browser want, and gives each tab its events. */
export class EventHub {
  /** @type {Map<unknown, Tab>} */
  #tabs = new Map();
  #timer = 0;
  #all = new Stream((message) => this.#tell(message, true));
  #watched = new Stream((message) => this.#tell(message, false));

  /** @param {string} base address of the gateway, without a slash at its end */
  constructor(base) {
    this.base = base;
  }

  /**
   * Takes what a tab wants now; null: it is closed.
   * @param {unknown} key the tab
   * @param {Wish | null} wish
   * @param {(message: HubMessage) => void} send
   */
  want(key, wish, send) {
    const before = this.#tabs.get(key);
    if (wish) this.#tabs.set(key, { wish, heardMs: Date.now(), send });
    else this.#tabs.delete(key);
    this.#dropSilent();
    this.#update();
    if (!wish || before?.wish.device === wish.device) return;
    const hello = (wish.device === null ? this.#all : this.#watched).hello();
    if (hello) send({ type: "hello", data: hello, device: wish.device });
  }

  #dropSilent() {
    for (const [key, { heardMs }] of this.#tabs) if (Date.now() - heardMs > SILENT_MS) this.#tabs.delete(key);
  }

  #update() {
    clearTimeout(this.#timer);
    const isSeen = [...this.#tabs.values()].some(({ wish }) => wish.isSeen);
    if (isSeen) this.#open();
    else this.#timer = setTimeout(() => this.#openNone(), this.#tabs.size ? CLOSE_HIDDEN_MS : 0);
  }

  #open() {
    const wishes = [...this.#tabs.values()].map(({ wish }) => wish.device);
    const devices = [...new Set(wishes.filter((device) => device !== null))].sort().slice(0, DEVICES_MAX);
    this.#all.open(wishes.includes(null) ? `${this.base}/api/events?types=${TYPES}` : "");
    const query = new URLSearchParams({ types: WATCHED_TYPES, devices: devices.join(" ") });
    this.#watched.open(devices.length ? `${this.base}/api/events?${query}` : "");
  }

  #openNone() {
    for (const { send } of this.#tabs.values()) send({ type: "paused" });
    this.#all.open("");
    this.#watched.open("");
  }

  /** @type {(message: HubMessage, isOfAll: boolean) => void} */
  #tell(message, isOfAll) {
    // A presence is a device itself.
    const device = message.type === "presence" ? message.data.id : (message.data?.device ?? undefined);
    for (const { wish, send } of this.#tabs.values()) {
      const isOf = isOfAll ? wish.device === null : wish.device !== null;
      if (isOf && (isOfAll || device === undefined || device === wish.device))
        send(message.type === "hello" ? { ...message, device: wish.device } : message);
    }
  }
}
