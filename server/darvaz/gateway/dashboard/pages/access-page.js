// Who is let in: tokens and signed-in browsers, made and ended here.

import { ask } from "../lib/api.js";
import { announce, bdi, h, visible } from "../lib/dom.js";
import { moment } from "../lib/format.js";
import { confirmed } from "../lib/dialog.js";
import { copyable } from "../lib/copy.js";
import { store } from "../lib/store.js";
import { t } from "../lib/words.js";

const KINDS = ["pico", "esp32cam", "operator", "viewer"];
const ROLES = ["operator", "viewer"];
const DAY_S = 86_400;

class AccessPage extends HTMLElement {
  connectedCallback() {
    if (!store.mayChange) {
      this.replaceChildren(h("h1", {}, t("access")), h("p", {}, t("for_operators")));
      return;
    }
    this.status = h("p", { role: "alert", class: "failed" });
    this.tokens = table(["for_kind", "label", "device", "state", "used", "actions"]);
    this.sessions = table(["who", "address", "used", "actions"]);
    this.nobody = h("p", { class: "quiet", hidden: true }, t("no_sessions"));
    this.tokensTitle = h("h2", { tabindex: -1 }, t("tokens"));
    this.replaceChildren(h("h1", {}, t("access")), this.status,
      h("section", { class: "panel" }, h("h2", {}, t("new_token")), this.#issuer()),
      h("section", { class: "panel" }, this.tokensTitle, h("div", { class: "wide" }, this.tokens)),
      h("section", { class: "panel" }, h("h2", {}, t("sessions")), this.nobody, h("div", { class: "wide" }, this.sessions), this.#linker()));
    this.#load();
  }

  #issuer() {
    const kind = h("select", {}, KINDS.map((name) => h("option", { value: name }, t(`kind_${name}`))));
    const label = h("input", { maxlength: 64, dir: "auto", autocomplete: "off" });
    const made = h("div", { "aria-live": "polite" });
    const issue = (event) => {
      event.preventDefault();
      this.#do(async () => {
        const { token } = await ask("POST", "/api/tokens", { kind: kind.value, label: label.value.trim() });
        made.replaceChildren(h("p", {}, t("shown_once")), copyable(token));
        label.value = "";
      });
    };
    return [h("form", { class: "row", onsubmit: issue }, h("label", {}, h("span", {}, t("for_kind")), kind), h("label", {}, h("span", {}, t("label")), label), h("button", {}, t("issue"))), made];
  }

  #linker() {
    const role = h("select", {}, ROLES.map((name) => h("option", { value: name }, t(`role_${name}`))));
    const made = h("div", { "aria-live": "polite" });
    const make = (event) => {
      event.preventDefault();
      this.#do(async () => {
        const { path } = await ask("POST", "/api/sign-in-links", { role: role.value });
        made.replaceChildren(h("p", {}, t("link_hint")), copyable(location.origin + path));
      });
    };
    return [h("h3", {}, t("link_for")), h("form", { class: "row", onsubmit: make }, h("label", {}, h("span", {}, t("for_kind")), role), h("button", {}, t("make_link"))), made];
  }

  async #do(change) {
    this.status.textContent = "";
    try {
      await change();
      await this.#load();
      return true;
    } catch (problem) {
      this.status.textContent = t("failed", problem.said);
      return false;
    }
  }

  async #load() {
    try {
      const [{ tokens }, { sessions }] = await Promise.all([ask("GET", "/api/tokens"), ask("GET", "/api/sessions")]);
      const order = (token) => [token.state === "live" ? 0 : 1, -(token.last_used ?? token.created)];
      tokens.sort((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
      this.tokens.tBodies[0].replaceChildren(...tokens.filter(isRecent).map((token) => this.#token(token)));
      this.nobody.hidden = sessions.length > 0;
      this.sessions.hidden = !sessions.length;
      this.sessions.tBodies[0].replaceChildren(...sessions.map((session) => this.#session(session)));
    } catch (problem) {
      this.status.textContent = t("failed", problem.said);
    }
  }

  #token(token) {
    const name = token.label || token.device || token.id;
    const revoke = async () => {
      if (!(await confirmed(t("revoke_sure", name), t("revoke")))) return;
      const isDone = await this.#do(() => ask("DELETE", `/api/tokens/${token.id}`));
      if (isDone) announce(t("is_revoked", name));
      // The button that had the focus is gone.
      this.tokensTitle.focus();
    };
    return h("tr", { class: token.state === "live" ? "" : "away" }, h("th", { scope: "row" }, t(`kind_${token.kind}`)), h("td", { "data-label": t("label") }, token.label || token.device ? bdi(token.label) : bdi(token.id, { class: "quiet" })),
      h("td", { "data-label": t("device") }, bdi(token.device ?? "")), h("td", { "data-label": t("state") }, t(`state_${token.state}`)),
      h("td", { "data-label": t("used") }, token.last_used ? moment(token.last_used) : t("never")),
      h("td", {}, token.state === "live" && h("button", { type: "button", class: "danger", "aria-label": `${t("revoke")} ${name}`, onclick: revoke }, t("revoke"))));
  }

  #session(session) {
    const who = `${t(`role_${session.role}`)} ${visible(session.last_address ?? "")}`;
    const end = () => this.#do(() => ask("DELETE", `/api/sessions/${session.id}`));
    return h("tr", {}, h("th", { scope: "row" }, t(`role_${session.role}`), " ", session.is_yours && h("strong", {}, `(${t("this_one")})`), " ", bdi(session.agent, { class: "quiet" })),
      h("td", { "data-label": t("address") }, bdi(session.last_address ?? "")), h("td", { "data-label": t("used") }, moment(session.last_used)), h("td", {}, h("button", { type: "button", class: "danger", "aria-label": `${t("end_session")} ${who}`, onclick: end }, t("end_session"))));
  }
}

customElements.define("access-page", AccessPage);

const isRecent = (token) => token.state === "live" || Date.now() / 1000 - token.created < DAY_S;

function table(words) {
  return h("table", {}, h("thead", {}, h("tr", {}, words.map((word) => h("th", { scope: "col" }, t(word))))), h("tbody", {}));
}
