// The page of releases: the newest rollouts, what became of each on every board, and why one stopped.

import {
  attempt,
  bdi,
  button,
  deviceLink,
  follow,
  formatValue,
  h,
  panel,
  request,
  row,
  statusLine,
  store,
  t,
  timeElement,
  whyNot,
} from "../elements/page-parts.js";
import "../lib/words-releases.js";

/** @import { Release, Rollout, RolloutTarget } from "../lib/types.js" */

// Many boards change in the same second: they are loaded once.
const GATHER_MS = 500;
const SHOWN_MAX = 20;
const BOARDS_MAX = 100;
// Of the boards, what is wrong comes first, then what is under way.
const ORDER = ["fell_back", "refused", "transferring", "trial", "waiting", "ended", "superseded", "good"];
// What a person may do with a rollout in each state.
/** @type {Record<string, [key: string, state: string][]>} */
const CHANGES = {
  running: [
    ["rollout_pause", "paused"],
    ["rollout_end", "stopped"],
  ],
  paused: [
    ["rollout_resume", "running"],
    ["rollout_end", "stopped"],
  ],
  stopped: [["rollout_resume", "running"]],
  done: [],
};

class ReleasePage extends HTMLElement {
  #timer = 0;
  #status = statusLine();
  #list = h("div", {});
  #empty = h("p", { class: "quiet", hidden: true }, t("rollout_none"), " ", h("code", {}, "darvaz deploy"));
  /** What was shown, so that a page that did not change keeps its focus. */
  #shown = "";
  /** @type {Set<number>} the rollouts whose boards are shown */
  #open = new Set();
  /** @type {Set<number>} those of which all boards are shown, however many */
  #whole = new Set();
  #newest = 0;

  connectedCallback() {
    this.replaceChildren(h("h1", {}, t("releases")), this.#empty, this.#list, this.#status);
    follow(this, "rollout", () => this.#loadSoon());
    follow(this, "state", () => store.state === "live" && this.#loadSoon());
    this.#load();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #loadSoon() {
    // Not put off by each change: of thousands of boards some change all the time.
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#load();
    }, GATHER_MS);
  }

  async #load() {
    await attempt(this.#status, async () => {
      const [{ rollouts }, { releases }] = await Promise.all([
        request("GET", "/api/rollouts?with_targets=false"),
        request("GET", "/api/releases"),
      ]);
      const shown = rollouts.slice(0, SHOWN_MAX);
      const newest = shown[0]?.number ?? 0;
      if (newest !== this.#newest) this.#open.add(newest);
      this.#newest = newest;
      await Promise.all(shown.map((/** @type {Rollout} */ rollout) => this.#loadBoards(rollout)));
      this.#status.textContent = "";
      const text = JSON.stringify([shown, [...this.#open], [...this.#whole]]);
      if (text === this.#shown) return;
      this.#shown = text;
      this.#show(shown, releases);
    });
  }

  /** @type {(rollout: Rollout) => Promise<void>} */
  async #loadBoards(rollout) {
    if (this.#open.has(rollout.number)) Object.assign(rollout, await request("GET", `/api/rollouts/${rollout.number}`));
  }

  /** @type {(rollouts: Rollout[], releases: Release[]) => void} */
  #show(rollouts, releases) {
    const byNumber = new Map(releases.map((release) => [release.number, release]));
    this.#empty.hidden = rollouts.length > 0;
    this.#list.replaceChildren(...rollouts.map((rollout) => this.#panel(rollout, byNumber.get(rollout.release))));
  }

  /** @type {(rollout: Rollout, release: Release | undefined) => HTMLElement} */
  #panel(rollout, release) {
    const { number, state, counts, created, reason } = rollout;
    // Where no board waits, there is nothing to go on with.
    const changes = state === "stopped" && !counts.waiting ? [] : (CHANGES[state] ?? []);
    const buttons = changes.map(([key, wanted]) => button(key, () => this.#change(number, wanted)));
    return panel(
      h(
        "h2",
        {},
        t("release_number", formatValue(rollout.release)),
        release ? [" ", bdi(release.name)] : "",
        ": ",
        t(`rollout_${state}`),
      ),
      h("p", { class: "quiet" }, timeElement(created), release ? [" · ", changesOf(release)] : ""),
      reason && whyNot(reason),
      this.#boards(rollout),
      store.mayChange && buttons.length > 0 && row(buttons),
    );
  }

  /** @type {(rollout: Rollout) => HTMLElement} */
  #boards({ number, counts, targets }) {
    const inOrder = [...targets].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
    const shown = this.#whole.has(number) ? inOrder : inOrder.slice(0, BOARDS_MAX);
    const ontoggle = (/** @type {Event} */ event) => {
      const { open } = /** @type {HTMLDetailsElement} */ (event.target);
      if (open === this.#open.has(number)) return;
      if (open) this.#open.add(number);
      else this.#open.delete(number);
      this.#load();
    };
    const showAll = () => {
      this.#whole.add(number);
      this.#load();
    };
    return h(
      "details",
      { open: this.#open.has(number), ontoggle },
      h("summary", {}, t("rollout_boards"), ": ", countsOf(counts)),
      h("ul", {}, shown.map(targetItem)),
      shown.length < targets.length && button("rollout_all", showAll),
    );
  }

  /** @type {(number: number, state: string) => Promise<void>} */
  async #change(number, state) {
    await attempt(this.#status, async () => {
      await request("PATCH", `/api/rollouts/${number}`, { state });
      await this.#load();
    });
  }
}

customElements.define("release-page", ReleasePage);

/** @param {Record<string, number>} counts */
function countsOf(counts) {
  return Object.entries(counts)
    .map(([state, count]) => `${formatValue(count)} ${t(`update_${state}`)}`)
    .join(", ");
}

/** @param {Release} release */
function changesOf(release) {
  const paths = Object.keys(release.changes);
  return [t("release_changes"), ": ", bdi(paths.slice(0, 6).join(", ") + (paths.length > 6 ? ", …" : ""))];
}

/** @param {RolloutTarget} target */
function targetItem({ device, state, reason, changed }) {
  const known = store.devices.get(device);
  return h(
    "li",
    {},
    known ? deviceLink(known, bdi(device)) : bdi(device),
    ": ",
    h("strong", {}, t(`update_${state}`)),
    " ",
    h("small", { class: "quiet" }, timeElement(changed)),
    reason && whyNot(reason),
  );
}
