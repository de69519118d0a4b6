// The page of alerts: what is wrong now, the rules, who is told, and what was wrong.

import { attempt, cell, failureLine, panel, table } from "../elements/page-parts.js";
import { alertText } from "../lib/alert-text.js";
import { formatDuration, timeElement } from "../lib/format.js";
import { bdi, follow, h, request, store, t } from "../lib/page.js";
import "../elements/alert-browser.js";
import "../elements/alert-channels.js";
import "../elements/alert-rules.js";

/** @import { Alert, AlertRule } from "../lib/types.js" */

const PAST_SHOWN = 50;
// Many alerts begin in the same second: they are loaded once.
const GATHER_MS = 300;

class AlertsPage extends HTMLElement {
  #status = failureLine();
  #now = h("tbody", {});
  #nowTable = table(["what", "board", "alert_since", "actions"], this.#now);
  #calm = h("p", { hidden: true }, t("nothing_wrong"));
  #past = h("tbody", {});
  #pastTable = table(["what", "board", "alert_since", "lasted"], this.#past);
  #noPast = h("p", { class: "quiet", hidden: true }, t("no_past_alerts"));
  #timer = 0;

  connectedCallback() {
    const rules = h("alert-rules", {});
    const browser = h("alert-browser", {});
    this.replaceChildren(
      h("h1", {}, t("alerts")),
      this.#status,
      panel(h("h2", {}, t("alerts_now")), this.#calm, h("div", { class: "wide" }, this.#nowTable)),
      rules,
      browser,
      store.mayChange ? h("alert-channels", {}) : "",
      panel(h("h2", {}, t("alerts_past")), this.#noPast, h("div", { class: "wide" }, this.#pastTable)),
    );
    follow(this, "alert", () => this.#loadSoon());
    follow(this, "state", () => store.state === "live" && this.#loadSoon());
    rules.addEventListener("changed", () => this.#loadSoon());
    // The browsers that are told are one of the channels.
    browser.addEventListener("changed", () => this.querySelector("alert-channels")?.replaceWith(h("alert-channels")));
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
    await attempt(this.#status, async () => {
      const [now, past, { rules }] = await Promise.all([
        request("GET", "/api/alerts"),
        request("GET", `/api/alerts/history?limit=${PAST_SHOWN}`),
        request("GET", "/api/alert-rules"),
      ]);
      this.#status.textContent = "";
      this.#show(now.alerts, past.alerts, new Map(rules.map((/** @type {AlertRule} */ rule) => [rule.id, rule])));
    });
  }

  /** @type {(now: Alert[], past: Alert[], rules: Map<string, AlertRule>) => void} */
  #show(now, past, rules) {
    this.#calm.hidden = now.length > 0;
    this.#nowTable.hidden = !now.length;
    this.#now.replaceChildren(...now.map((alert) => this.#nowRow(alert, rules.get(alert.rule))));
    this.#noPast.hidden = past.length > 0;
    this.#pastTable.hidden = !past.length;
    this.#past.replaceChildren(...past.map((alert) => pastRow(alert, rules.get(alert.rule))));
  }

  /** @type {(alert: Alert, rule: AlertRule | undefined) => HTMLElement} */
  #nowRow(alert, rule) {
    const text = alertText(alert, rule);
    const acknowledge = async () => {
      await attempt(this.#status, async () => {
        await request("POST", `/api/alerts/${alert.id}/acknowledgement`);
        await this.#load();
      });
    };
    const label = `${t("acknowledge")}: ${text}`;
    const button = h("button", { type: "button", onclick: acknowledge, "aria-label": label }, t("acknowledge"));
    const state = alert.acknowledged ? t("is_acknowledged") : alert.is_escalated ? t("is_escalated") : "";
    return h(
      "tr",
      { class: alert.acknowledged ? "away" : "" },
      h("th", { scope: "row" }, alertNodes(alert, rule)),
      cell("board", boardOf(alert)),
      cell("alert_since", timeElement(alert.since)),
      h("td", {}, state, " ", !alert.acknowledged && store.mayChange && button),
    );
  }
}

customElements.define("alerts-page", AlertsPage);

/** @type {(alert: Alert, rule: AlertRule | undefined) => HTMLElement} */
function pastRow(alert, rule) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, alertNodes(alert, rule)),
    cell("board", boardOf(alert)),
    cell("alert_since", timeElement(alert.since)),
    cell("lasted", formatDuration((alert.ended ?? alert.since) - alert.since)),
  );
}

/** @type {(alert: Alert, rule: AlertRule | undefined) => import("../lib/types.js").Child[]} */
function alertNodes(alert, rule) {
  const text = alertText(alert, rule);
  const name = rule?.value && text.startsWith(rule.value) ? rule.value : "";
  // The name of a value has a direction of its own.
  return name ? [bdi(name), text.slice(name.length)] : [bdi(text)];
}

/** @param {Alert} alert */
function boardOf({ device }) {
  if (device === null) return h("span", {}, t("the_gateway"));
  return h("a", { href: `#/device/${encodeURIComponent(device)}` }, bdi(store.devices.get(device)?.label ?? device));
}
