// Which release runs on a device, why another does not, and a way to give it any release again.

import { suggestedOf } from "../lib/releases.js";
import {
  attempt,
  bdi,
  DevicePart,
  follow,
  formatValue,
  formOf,
  h,
  labelled,
  request,
  store,
  t,
  timeElement,
  whyNot,
} from "./page-parts.js";
import "../lib/words-releases.js";

/** @import { Release } from "../lib/types.js" */

// The newest are offered.
const RELEASES_MAX = 50;
// The line of a traceback that is not the maker's.
const LOADER_LINE = /^ {2}File "\/lib\/darvaz_loader\.m?py", line \d+, in run\n/m;

class DeviceRelease extends DevicePart {
  #status = h("output", {});
  #choice = h("select", { onchange: () => (this.#isChosen = true) });
  /** Whether somebody chose a release, which is not changed then. */
  #isChosen = false;
  #none = h("p", { class: "quiet", hidden: true }, t("rollout_none"), " ", h("code", {}, "darvaz deploy"));
  #form = formOf(
    () => this.#give(),
    labelled("release_give", this.#choice),
    h("button", {}, t("release_give_button")),
    this.#status,
  );
  #text = h("div", {});
  /** What was shown, so that what somebody reads is not replaced by the same. */
  #shown = "";

  connectedCallback() {
    this.replaceChildren(this.#text, ...(store.mayChange ? [this.#form, this.#none] : []));
    follow(this, "device", (device) => device === this.device && this.#show());
    follow(this, "rollout", ({ device, state, reason }) => device === this.device && this.#tell(state, reason));
    this.#show();
  }

  #show() {
    const device = this.known;
    const program = device?.program;
    const panel = this.closest("section");
    if (panel) panel.hidden = !program?.state;
    const text = JSON.stringify(program);
    if (!program?.state || text === this.#shown) return;
    this.#shown = text;
    const { state, release, reason } = program;
    const number = Number(release);
    const isSafe = state === "safe_mode";
    const why = reason?.replace(LOADER_LINE, "");
    this.#text.replaceChildren(
      h(
        "p",
        { class: isSafe ? "failed" : "" },
        h("strong", {}, t(`program_${state}`)),
        number && !isSafe ? [" ", t("release_number", formatValue(number))] : "",
      ),
      isSafe ? h("p", {}, t("program_safe_todo")) : "",
      why ? whyNot(why) : "",
    );
    // What is offered depends on what runs.
    if (store.mayChange) this.#load();
  }

  async #load() {
    await attempt(this.#status, async () => {
      const [{ releases }, { rollouts }] = await Promise.all([
        request("GET", "/api/releases"),
        request("GET", `/api/rollouts?device=${encodeURIComponent(this.device)}`),
      ]);
      const shown = releases.slice(0, RELEASES_MAX);
      this.#form.hidden = !shown.length;
      this.#none.hidden = shown.length > 0;
      const chosen = this.#choice.value;
      this.#choice.replaceChildren(
        ...shown.map((/** @type {Release} */ release) =>
          h(
            "option",
            { value: release.number },
            t("release_number", formatValue(release.number)),
            " ",
            bdi(release.name),
            " · ",
            timeElement(release.created),
          ),
        ),
      );
      const program = this.known?.program;
      const value = this.#isChosen ? chosen : suggestedOf(shown, rollouts, this.device, program);
      if (value !== undefined) this.#choice.value = String(value);
    });
  }

  async #give() {
    await attempt(this.#status, async () => {
      await request("POST", "/api/rollouts", { release: Number(this.#choice.value), to: [this.device] });
    });
  }

  /** @type {(state: string, reason: string) => void} */
  #tell(state, reason) {
    this.#status.textContent = reason
      ? `${t(`update_${state}`)}: ${reason.trim().split("\n").at(-1)}`
      : t(`update_${state}`);
  }
}

customElements.define("device-release", DeviceRelease);
