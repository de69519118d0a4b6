// The page of rules: what the gateway does by itself, with the last runs of each, and the form that makes one.

import { attempt, failureLine, hint, panel, row } from "../elements/page-parts.js";
import { announce, bdi, failureText, follow, h, request, store, t, visible } from "../lib/page.js";
import "../lib/words-rules.js";
import { isConfirmed } from "../elements/dialog.js";
import { icon } from "../elements/icon.js";
import { ruleForm } from "../elements/rule-form.js";
import { boardName } from "../lib/about-values.js";
import { formatAgo, timeElement } from "../lib/format.js";
import { thenText, whenText } from "../lib/rule-text.js";

/** @import { Rule, RuleRun } from "../lib/types.js" */

const REFRESH_MS = 15_000;

class RulesPage extends HTMLElement {
  #status = failureLine();
  #note = hint("rules_hint");
  #list = h("ul", { class: "rules" });
  #none = h("p", { class: "quiet", hidden: true }, t("rule_none"));
  /** @type {Rule | null} the rule that is being changed */
  #edited = null;
  /** @type {Set<string>} ids of rules whose runs are shown */
  #opened = new Set();
  #form = ruleForm(
    (fields) => this.#save(fields),
    () => this.#edit(null),
  );
  #timer = 0;

  connectedCallback() {
    const list = panel(h("h2", {}, t("rules")), this.#none, this.#list);
    this.replaceChildren(
      h("h1", {}, t("rules")),
      this.#note,
      this.#status,
      list,
      store.mayChange ? this.#form.element : "",
    );
    this.append(hint("rule_python"));
    follow(this, "state", () => store.state === "live" && this.#load());
    this.#timer = setInterval(() => this.#load(), REFRESH_MS);
    this.#load();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  async #load() {
    await attempt(this.#status, async () => {
      /** @type {{rules: Rule[], can_schedule: boolean}} */
      const { rules, can_schedule } = await request("GET", "/api/rules");
      if (!can_schedule) this.#note.textContent = t("rule_no_times");
      this.#none.hidden = rules.length > 0;
      // Nothing that somebody is about to press is replaced.
      if (!this.#list.contains(document.activeElement)) this.#show(rules);
    });
  }

  /** @param {Rule[]} rules */
  #show(rules) {
    this.#list.replaceChildren(...rules.map((rule) => this.#row(rule)));
  }

  /** @param {Record<string, unknown>} fields */
  async #save(fields) {
    const edited = this.#edited;
    const given = edited
      ? { ...fields, is_on: edited.is_on, hysteresis: edited.hysteresis, channels: edited.channels }
      : fields;
    if (await this.#change(edited ? "PUT" : "POST", edited ? `/api/rules/${edited.id}` : "/api/rules", given))
      this.#edit(null);
  }

  /** @param {Rule | null} rule */
  #edit(rule) {
    this.#edited = rule;
    this.#form.write(rule);
    if (rule) this.#form.element.scrollIntoView({ block: "nearest" });
    if (rule) /** @type {HTMLElement | null} */ (this.#form.element.querySelector("select"))?.focus();
  }

  /** @type {(method: string, path: string, body?: unknown) => Promise<boolean>} */
  async #change(method, path, body) {
    this.#status.textContent = "";
    return attempt(this.#status, async () => {
      await request(method, path, body);
      this.#show((await request("GET", "/api/rules")).rules);
    });
  }

  /** @param {Rule} rule */
  #row(rule) {
    const path = `/api/rules/${rule.id}`;
    const text = `${whenText(rule)}${t("rule_arrow")}${thenText(rule)}`;
    const turn = () => {
      const { id: _, runs: _runs, sentence: _sentence, next: _next, ...fields } = rule;
      return this.#change("PUT", path, { ...fields, is_on: !rule.is_on });
    };
    const remove = async () => {
      if (await isConfirmed(t("remove_sure", rule.title || text), t("remove"))) await this.#change("DELETE", path);
    };
    const buttons = store.mayChange && [
      action("rule_run", text, "quiet", (button) => this.#run(rule, button)),
      action("rule_change", text, "quiet", () => this.#edit(rule)),
      action(rule.is_on ? "switch_off" : "switch_on", text, "quiet", turn),
      action("remove", text, "danger", remove),
    ];
    return h(
      "li",
      { class: rule.is_on ? "rule" : "rule away" },
      row(
        h(
          "span",
          { class: "rule-text" },
          icon(rule.when === "time" ? "clock" : "bell"),
          " ",
          rule.title && h("strong", {}, bdi(rule.title), " · "),
          bdi(whenText(rule)),
          t("rule_arrow"),
          bdi(thenText(rule)),
        ),
        h("span", { class: "row tools" }, buttons),
      ),
      h("p", { class: "quiet small" }, stateNodes(rule)),
      this.#runs(rule),
    );
  }

  /** @param {Rule} rule */
  #runs(rule) {
    if (!rule.runs.length) return null;
    const details = h(
      "details",
      { open: this.#opened.has(rule.id) },
      h("summary", {}, t("rule_runs")),
      h(
        "ul",
        {},
        rule.runs.map((run) => h("li", {}, timeElement(run.time), " · ", runText(run))),
      ),
    );
    details.addEventListener("toggle", () => {
      if (details.open) this.#opened.add(rule.id);
      else this.#opened.delete(rule.id);
    });
    return details;
  }

  /** @type {(rule: Rule, button: HTMLButtonElement) => Promise<void>} */
  async #run(rule, button) {
    if (button.disabled) return;
    button.disabled = true;
    try {
      /** @type {RuleRun} */
      const run = await request("POST", `/api/rules/${rule.id}/runs`);
      this.#status.textContent = run.is_ok ? "" : t("failed", visible(run.detail));
      if (run.is_ok) announce(t("rule_ran"));
      this.#show((await request("GET", "/api/rules")).rules);
    } catch (error) {
      this.#status.textContent = failureText(error);
    } finally {
      button.disabled = false;
    }
  }
}

customElements.define("rules-page", RulesPage);

/** @param {Rule} rule */
function stateNodes({ is_on, next, runs }) {
  const last = runs[0];
  return [
    !is_on && `${t("off")} · `,
    is_on && next !== null && h("span", {}, t("rule_next", ""), timeElement(next)),
    is_on && next !== null && " · ",
    last
      ? h("span", { class: last.is_ok ? "done" : "failed" }, `${formatAgo(last.time)}: ${runText(last)}`)
      : t("rule_never"),
  ];
}

/** @param {RuleRun} run */
function runText({ cause, device, is_ok, detail }) {
  const of = device ? ` (${visible(boardName(device))})` : "";
  return `${t(`cause_${cause}`)}${of}: ${is_ok ? t("done") : t("failed", visible(detail))}`;
}

/** @type {(title: string, name: string, kind: string, onclick: (button: HTMLButtonElement) => unknown) => HTMLElement} */
function action(title, name, kind, onclick) {
  const button = h("button", { type: "button", class: kind, "aria-label": `${t(title)}: ${name}` }, t(title));
  button.addEventListener("click", () => onclick(button));
  return button;
}
