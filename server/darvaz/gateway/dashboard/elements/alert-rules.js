// The rules of alerts: a form that makes one, filled in from the address, and the list of them.

import { comparisonText, conditionText, fieldsOf, KINDS, targetText } from "../lib/alert-text.js";
import { announce, bdi, failureText, h, request, store, t } from "../lib/page.js";
import { isConfirmed } from "./dialog.js";
import { attempt, failureLine, labelled, namedButton, option, panel, row, submitted } from "./page-parts.js";
import { fill, membersOf, targetOptions } from "./targets.js";

/** @import { AlertRule } from "../lib/types.js" */

const USUAL_MINUTES = { offline: "10", silent: "15" };
let lists = 0;

class AlertRules extends HTMLElement {
  #status = failureLine();
  #list = h("ul", { class: "rules" });
  #none = h("p", { class: "quiet", hidden: true }, t("no_rules"));
  #about = h("select", {});
  #when = h("select", { onchange: () => this.#onKind() });
  #names = h("datalist", { id: `values-${++lists}` });
  #value = h("input", { list: this.#names.id, maxlength: 64, dir: "auto", autocomplete: "off" });
  #threshold = h("input", { inputmode: "decimal", maxlength: 256, size: 8, autocomplete: "off" });
  #minutes = h("input", { inputmode: "decimal", size: 4, maxlength: 8, autocomplete: "off" });
  #hysteresis = h("input", { inputmode: "decimal", size: 4, maxlength: 16, autocomplete: "off" });
  #begin = h("input", { type: "time" });
  #end = h("input", { type: "time" });
  #valueLabel = labelled("value_name", this.#value);
  #thresholdLabel = labelled("number", this.#threshold);
  #minutesLabel = labelled("for_minutes", this.#minutes);

  connectedCallback() {
    this.replaceChildren(store.mayChange ? this.#form() : "", this.#rulesPanel());
    this.#prefill();
    this.#load();
  }

  #form() {
    const { boards, groups } = targetOptions();
    fill(this.#about, [["", t("all_boards")], ...groups, ...boards]);
    this.#about.onchange = () => this.#offerNames();
    this.#when.replaceChildren(...Object.keys(KINDS).map((kind) => option(kind, t(`when_${kind}`))));
    const onsubmit = submitted(() => this.#save());
    const first = [labelled("alert_about", this.#about), labelled("comes_true", this.#when), this.#valueLabel];
    const rest = [this.#thresholdLabel, this.#minutesLabel, h("button", {}, t("save_rule"))];
    const quiet = [labelled("quiet_from", this.#begin), labelled("quiet_to", this.#end)];
    const more = row(labelled("hysteresis", this.#hysteresis), quiet);
    return panel(
      h("h2", {}, t("new_rule")),
      h(
        "form",
        { onsubmit },
        row(first, this.#names, rest),
        h("details", {}, h("summary", {}, t("more_choices")), more),
      ),
      this.#status,
    );
  }

  #rulesPanel() {
    return panel(h("h2", {}, t("rules")), this.#none, this.#list);
  }

  // "#/alerts/device/name" is a value or a board that somebody chose on another page.
  #prefill() {
    const [, device, name] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    if (device) this.#about.value = `device/${device}`;
    if (device && !name) this.#when.value = "offline";
    if (name) this.#value.value = name;
    this.#offerNames();
    this.#onKind();
    if (device) (name ? this.#threshold : this.#minutes).focus();
  }

  #offerNames() {
    const names = new Set(membersOf(this.#about.value).flatMap(({ values }) => Object.keys(values)));
    this.#names.replaceChildren(...[...names].slice(0, 100).map((name) => option(name, name)));
  }

  #onKind() {
    const { hasValue, hasThreshold, hasTime } = KINDS[this.#when.value];
    this.#valueLabel.hidden = !hasValue;
    this.#value.required = hasValue;
    this.#thresholdLabel.hidden = !hasThreshold;
    this.#threshold.required = hasThreshold;
    this.#minutesLabel.hidden = !hasTime;
    this.#minutes.value ||= /** @type {Record<string, string>} */ (USUAL_MINUTES)[this.#when.value] ?? "";
    this.#about.disabled = this.#when.value === "disk";
  }

  async #save() {
    const fields = fieldsOf({
      when: this.#when.value,
      about: this.#about.value,
      value: this.#value.value,
      threshold: this.#threshold.value,
      minutes: this.#minutes.value,
      hysteresis: this.#hysteresis.value,
      begin: this.#begin.value,
      end: this.#end.value,
    });
    const rule = await this.#change("POST", "/api/alert-rules", fields);
    if (rule) announce(t("rule_saved", conditionText(rule)));
  }

  /** @type {(method: string, path: string, body?: unknown) => Promise<any>} */
  async #change(method, path, body) {
    this.#status.textContent = "";
    try {
      const answer = await request(method, path, body);
      await this.#load();
      this.dispatchEvent(new CustomEvent("changed"));
      return answer;
    } catch (error) {
      this.#status.textContent = failureText(error);
      return null;
    }
  }

  async #load() {
    await attempt(this.#status, async () => {
      /** @type {{ rules: AlertRule[] }} */
      const { rules } = await request("GET", "/api/alert-rules");
      this.#none.hidden = rules.length > 0;
      this.#list.replaceChildren(...rules.map((rule) => this.#row(rule)));
    });
  }

  /** @param {AlertRule} rule */
  #row(rule) {
    const text = `${targetText(rule)}: ${conditionText(rule)}`;
    const { id, sentence: _, ...fields } = rule;
    const path = `/api/alert-rules/${id}`;
    const turn = () => this.#change("PUT", path, { ...fields, is_on: !rule.is_on });
    const remove = async () => {
      if (await isConfirmed(t("remove_sure", text), t("remove"))) await this.#change("DELETE", path);
    };
    const buttons = store.mayChange && [
      namedButton(rule.is_on ? "switch_off" : "switch_on", text, "quiet", turn),
      namedButton("remove", text, "danger", remove),
    ];
    return h(
      "li",
      { class: rule.is_on ? "row" : "row away" },
      h("span", {}, rule.title && [bdi(rule.title), ": "], ruleNodes(rule)),
      buttons,
    );
  }
}

customElements.define("alert-rules", AlertRules);

/**
 * Returns a rule as nodes: names of boards and values have a direction of their own.
 * @param {AlertRule} rule
 */
function ruleNodes(rule) {
  return [
    bdi(targetText(rule)),
    ": ",
    rule.value && rule.threshold !== null && bdi(rule.value),
    " ",
    comparisonText(rule),
  ];
}
