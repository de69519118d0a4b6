// The page of tokens and signed-in browsers: made and ended here.

import { copyable } from "../elements/copyable.js";
import {
  actionButton,
  announce,
  attempt,
  bdi,
  cell,
  failureLine,
  formOf,
  h,
  isConfirmed,
  labelled,
  nowS,
  panel,
  request,
  select,
  store,
  t,
  table,
  textInput,
  timeElement,
  visible,
} from "../elements/page-parts.js";
import { addressFor } from "../lib/addresses.js";
import { byUse, isRecent } from "../lib/tokens.js";
import "../lib/words-people.js";

/** @import { BrowserSession, Token } from "../lib/types.js" */

const KINDS = ["pico", "esp32cam", "operator", "viewer", "assistant"];
const ROLES = ["owner", "operator", "viewer"];

class AccessPage extends HTMLElement {
  #status = failureLine();
  #tokensTitle = h("h2", { tabindex: -1 }, t("tokens"));
  #tokens = h("tbody", {});
  #sessions = h("tbody", {});
  /** Shows the secret of the token that was issued last. */
  #issued = h("div", { "aria-live": "polite" });
  #sessionsTable = table(["who", "address", "used", "actions"], this.#sessions);
  #noSessions = h("p", { class: "quiet", hidden: true }, t("no_sessions"));

  connectedCallback() {
    if (!store.mayChange) {
      this.replaceChildren(h("h1", {}, t("access")), h("p", {}, t("for_operators")));
      return;
    }
    const tokens = table(["for_kind", "label", "device", "state", "used", "actions"], this.#tokens);
    const sessionsTitle = h("h2", {}, t("sessions"));
    this.replaceChildren(
      h("h1", {}, t("access")),
      this.#status,
      panel(h("h2", {}, t("new_token")), this.#tokenForm()),
      panel(this.#tokensTitle, tokens),
      panel(sessionsTitle, this.#noSessions, this.#sessionsTable, this.#linkForm()),
    );
    this.#load();
  }

  #tokenForm() {
    const kind = select(KINDS, "kind");
    const label = textInput(64);
    const result = this.#issued;
    const issue = async () => {
      const { id, token } = await request("POST", "/api/tokens", { kind: kind.value, label: label.value.trim() });
      result.dataset.token = id;
      result.replaceChildren(h("p", {}, t("shown_once")), copyable(token));
      label.value = "";
    };
    const fields = [labelled("for_kind", kind), labelled("label", label), h("button", {}, t("issue"))];
    return [this.#form(issue, fields), result];
  }

  #linkForm() {
    const role = select(store.role === "owner" ? ROLES : ROLES.slice(1), "role");
    const result = h("div", { "aria-live": "polite" });
    const make = async () => {
      const link = await request("POST", "/api/sign-in-links", { role: role.value });
      const address = addressFor(location, link.address, link.is_public) + link.path;
      result.replaceChildren(h("p", {}, t("link_hint")), copyable(address));
    };
    const fields = [labelled("for_kind", role), h("button", {}, t("make_link"))];
    return [h("h3", {}, t("link_for")), this.#form(make, fields), result];
  }

  /** @type {(change: () => Promise<unknown>, fields: HTMLElement[]) => HTMLFormElement} */
  #form(change, fields) {
    return formOf(() => this.#change(change), ...fields);
  }

  /**
   * Makes a change and loads the lists again; returns whether it worked.
   * @param {() => Promise<unknown>} change
   */
  async #change(change) {
    this.#status.textContent = "";
    return attempt(this.#status, async () => {
      await change();
      await this.#load();
    });
  }

  async #load() {
    await attempt(this.#status, async () => {
      const answers = await Promise.all([request("GET", "/api/tokens"), request("GET", "/api/sessions")]);
      this.#show(answers[0].tokens, answers[1].sessions);
    });
  }

  /** @type {(tokens: Token[], sessions: BrowserSession[]) => void} */
  #show(tokens, sessions) {
    const shown = tokens.filter((token) => isRecent(token, nowS())).sort(byUse);
    this.#tokens.replaceChildren(...shown.map((token) => this.#tokenRow(token)));
    this.#noSessions.hidden = sessions.length > 0;
    this.#sessionsTable.hidden = !sessions.length;
    this.#sessions.replaceChildren(...sessions.map((session) => this.#sessionRow(session)));
  }

  /** @param {Token} token */
  #tokenRow(token) {
    const { id, kind, state, label, device, last_used } = token;
    const isLive = state === "live";
    const name = label || device || id;
    return h(
      "tr",
      { class: isLive ? "" : "away" },
      h("th", { scope: "row" }, t(`kind_${kind}`)),
      cell("label", label || device ? bdi(label) : bdi(id, { class: "quiet" })),
      cell("device", bdi(device ?? "")),
      cell("state", t(`state_${state}`)),
      cell("used", last_used ? timeElement(last_used) : t("never")),
      h("td", {}, isLive && actionButton("revoke", name, "danger", () => this.#revoke(id, name))),
    );
  }

  /** @type {(id: string, name: string) => Promise<void>} */
  async #revoke(id, name) {
    if (!(await isConfirmed(t("revoke_sure", name), t("revoke")))) return;
    const isDone = await this.#change(() => request("DELETE", `/api/tokens/${id}`));
    if (isDone) announce(t("is_revoked", name));
    // A secret that opens nothing is only a riddle.
    if (isDone && this.#issued.dataset.token === id) this.#issued.replaceChildren();
    // The button that had the focus is gone.
    this.#tokensTitle.focus();
  }

  /** @param {BrowserSession} session */
  #sessionRow({ id, role, agent, last_address: address, last_used, name: person, is_yours }) {
    const name = `${person || t(`role_${role}`)} ${visible(address ?? "")}`;
    const end = () => this.#change(() => request("DELETE", `/api/sessions/${id}`));
    const mark = is_yours && h("strong", {}, `(${t("this_one")})`);
    return h(
      "tr",
      {},
      h(
        "th",
        { scope: "row" },
        person && [bdi(person), " · "],
        t(`role_${role}`),
        " ",
        mark,
        " ",
        bdi(agent, { class: "quiet" }),
      ),
      cell("address", bdi(address ?? "")),
      cell("used", timeElement(last_used)),
      h("td", {}, actionButton("end_session", name, "danger", end)),
    );
  }
}

customElements.define("access-page", AccessPage);
