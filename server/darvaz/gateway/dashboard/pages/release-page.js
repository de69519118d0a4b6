// The page of releases: the newest rollouts, what became of each on every board, and why one stopped.

import { attempt, button, panel, row } from "../elements/page-parts.js";
import { deviceLink } from "../elements/presence.js";
import { failureText, request } from "../lib/api.js";
import { bdi, h } from "../lib/dom.js";
import { formatValue, timeElement } from "../lib/format.js";
import { follow, store } from "../lib/store.js";
import { t } from "../lib/words.js";

/** @import { Release, Rollout, RolloutTarget } from "../lib/types.js" */

// Many boards change in the same second: they are loaded once.
const GATHER_MS = 300;
const SHOWN_MAX = 20;
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
  #status = h("p", { class: "quiet", role: "status" });
  #list = h("div", {});
  #empty = h("p", { class: "quiet", hidden: true }, t("rollout_none"), " ", h("code", {}, "darvaz deploy"));
  /** What was shown, so that a page that did not change keeps its focus. */
  #shown = "";
  /** @type {Set<number>} the rollouts whose boards are shown */
  #open = new Set();

  connectedCallback() {
    this.replaceChildren(h("h1", {}, t("releases")), this.#empty, this.#list, this.#status);
    follow(this, "rollout", () => this.#loadSoon());
    follow(this, "state", () => store.state === "live" && this.#loadSoon());
    this.#load();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #loadSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(), GATHER_MS);
  }

  async #load() {
    try {
      const [{ rollouts }, { releases }] = await Promise.all([
        request("GET", "/api/rollouts"),
        request("GET", "/api/releases"),
      ]);
      this.#status.textContent = "";
      const text = JSON.stringify(rollouts);
      if (text === this.#shown) return;
      this.#shown = text;
      this.#show(rollouts, releases);
    } catch (error) {
      this.#status.textContent = failureText(error);
    }
  }

  /** @type {(rollouts: Rollout[], releases: Release[]) => void} */
  #show(rollouts, releases) {
    const byNumber = new Map(releases.map((release) => [release.number, release]));
    const shown = rollouts.slice(0, SHOWN_MAX);
    this.#empty.hidden = shown.length > 0;
    this.#list.replaceChildren(
      ...shown.map((rollout, at) => this.#panel(rollout, byNumber.get(rollout.release), at === 0)),
    );
  }

  /** @type {(rollout: Rollout, release: Release | undefined, isNewest: boolean) => HTMLElement} */
  #panel(rollout, release, isNewest) {
    const { number, state, counts, created, reason, targets } = rollout;
    const buttons = (CHANGES[state] ?? []).map(([key, wanted]) => button(key, () => this.#change(number, wanted)));
    const boards = h(
      "details",
      {
        open: isNewest || this.#open.has(number),
        ontoggle: (/** @type {Event} */ event) => {
          const { open } = /** @type {HTMLDetailsElement} */ (event.target);
          if (open) this.#open.add(number);
          else this.#open.delete(number);
        },
      },
      h("summary", {}, t("rollout_boards"), ": ", countsOf(counts)),
      h("ul", {}, targets.map(targetItem)),
    );
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
      reason && h("pre", { dir: "auto", tabindex: 0, "aria-label": t("rollout_reason") }, reason),
      boards,
      store.mayChange && buttons.length > 0 && row(buttons),
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
    reason && h("pre", { dir: "auto", tabindex: 0, "aria-label": t("rollout_reason") }, reason),
  );
}
