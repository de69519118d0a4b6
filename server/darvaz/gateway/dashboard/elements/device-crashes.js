// What the program of a device died of: a line for each group, with its newest report; nothing if it never died.

import {
  attempt,
  bdi,
  button,
  DevicePart,
  follow,
  formatBytes,
  formatDuration,
  formatValue,
  h,
  known,
  pre,
  request,
  statusLine,
  store,
  t,
  timeElement,
} from "./page-parts.js";

/** @import { Child, Crash } from "../lib/types.js" */

class DeviceCrashes extends DevicePart {
  #status = statusLine();
  #list = h("div", {});

  connectedCallback() {
    follow(this, "crash", (device) => device === this.device && this.#load());
    this.replaceChildren(this.#list, this.#status);
    this.#load();
  }

  async #load() {
    if (store.limits) return;
    await attempt(this.#status, async () => {
      const { crashes } = await request("GET", `/api/crashes?${new URLSearchParams({ device: this.device })}`);
      this.#list.replaceChildren(...crashes.map((/** @type {Crash} */ crash) => this.#group(crash)));
      this.#status.textContent = "";
      const panel = this.closest("section");
      if (panel) panel.hidden = !crashes.length;
    });
  }

  /** @param {Crash} crash */
  #group(crash) {
    const { report, title, devices } = crash;
    const count = devices[this.device] ?? crash.count;
    const forget = button("crash_forget", () => this.#forget(crash));
    return h(
      "details",
      {},
      h(
        "summary",
        {},
        bdi(title),
        " ",
        h("small", { class: "quiet" }, t("crash_count", formatValue(count)), " · ", timeElement(crash.last_seen)),
      ),
      report.traceback && pre("crash_traceback", report.traceback, "ltr"),
      h("p", { class: "quiet" }, factsOf(crash)),
      report.log.length > 0 && h("h3", {}, t("crash_log")),
      report.log.length > 0 && pre("crash_log", report.log.join("\n")),
      store.mayChange && forget,
    );
  }

  /** @param {Crash} crash */
  async #forget(crash) {
    await attempt(this.#status, async () => {
      await request("DELETE", `/api/crashes/${crash.id}`);
      await this.#load();
    });
  }
}

customElements.define("device-crashes", DeviceCrashes);

/**
 * Returns what is known beside the traceback, in one line.
 * @param {Crash} crash
 * @returns {Child[]}
 */
function factsOf({ reason, report, releases }) {
  const { ran_ms: ranMs, heap_free_bytes: free, heap_largest_bytes: largest } = report;
  const names = Object.keys(releases).filter(Boolean);
  /** @type {[key: string, value: Child][]} */
  const facts = [
    ["crash_reason", t(`crash_${reason}`)],
    ["reset_cause", report.reset_cause && bdi(known(`why_${report.reset_cause}`, report.reset_cause))],
    ["crash_ran", ranMs !== null && formatDuration(ranMs / 1000)],
    ["heap", free !== null && formatBytes(free)],
    ["crash_largest", largest !== null && formatBytes(largest)],
    ["crash_release", names.length > 0 && bdi(names.join(t("comma")))],
  ];
  return facts.filter(([, value]) => value).flatMap(([key, value], at) => [at ? "; " : "", t(key), ": ", value]);
}
