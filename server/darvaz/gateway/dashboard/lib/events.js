// The events of the gateway for this tab: through the program that all tabs share, or through streams of its own where
// a browser has no such programs.

import { baseOf } from "./addresses.js";
import { EventHub } from "./event-hub.js";

/** @import { HubMessage, Wish } from "./event-hub.js" */

const SPEAK_EVERY_MS = 60_000;
// The shared program answers at once, unless its script was lost.
const ANSWER_MS = 4_000;

/** Receives the events that this tab wants. */
export class Events {
  /** @type {Wish} */
  #wish = { device: null, isSeen: false };
  /** @type {((wish: Wish | null) => void) | null} null before the first wish */
  #say = null;
  #receive;

  /** @param {(message: HubMessage) => void} receive */
  constructor(receive) {
    this.#receive = receive;
  }

  /**
   * Changes what this tab wants.
   * @param {Partial<Wish>} change
   */
  want(change) {
    this.#wish = { ...this.#wish, ...change };
    // A tab that begins in the background needs nothing yet.
    if (!this.#say && !this.#wish.isSeen) return;
    this.#say ??= this.#connect();
    this.#say(this.#wish);
  }

  #connect() {
    // A page that is kept for the way back speaks again when it is shown.
    globalThis.addEventListener?.("pagehide", () => this.#say?.(null));
    globalThis.addEventListener?.("pageshow", () => this.#say?.(this.#wish));
    const timer = setInterval(() => this.#say?.(this.#wish), SPEAK_EVERY_MS);
    // A test's process ends, timer or not.
    /** @type {any} */ (timer).unref?.();
    return globalThis.SharedWorker ? this.#shared() : this.#own();
  }

  #own() {
    const hub = new EventHub(".");
    return (/** @type {Wish | null} */ wish) => hub.want(this, wish, this.#receive);
  }

  #shared() {
    const worker = new SharedWorker(workerAddress(), { type: "module", name: "darvaz" });
    let isHeard = false;
    const giveUp = () => {
      if (isHeard) return;
      isHeard = true;
      worker.port.close();
      this.#say = this.#own();
      this.#say(this.#wish);
    };
    worker.addEventListener("error", giveUp);
    setTimeout(giveUp, ANSWER_MS);
    worker.port.onmessage = ({ data }) => {
      isHeard = true;
      this.#receive(data);
    };
    const base = baseOf(location);
    return (/** @type {Wish | null} */ wish) => worker.port.postMessage({ base, wish });
  }
}

// Another version of the gateway has another program: old tabs keep theirs.
function workerAddress() {
  return `${document.documentElement.dataset.pages ?? "pages/"}lib/shared-events.js`;
}
