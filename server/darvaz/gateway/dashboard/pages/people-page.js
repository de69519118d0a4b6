// The page of people: who there is and what they may do, and the links that let others in.

import { groupsOf } from "../elements/fleet-filters.js";
import { announce, bdi, failureText, h, language, request, store, t, visible } from "../lib/page.js";
import "../lib/words-people.js";
import { isConfirmed } from "../elements/dialog.js";
import { commandsIn, grantsDialog } from "../elements/grants-dialog.js";
import { linkCode } from "../elements/link-code.js";
import {
  actionButton,
  attempt,
  cell,
  failureLine,
  formOf,
  hint,
  labelled,
  panel,
  select,
  table,
} from "../elements/page-parts.js";
import { formatNumber, timeElement } from "../lib/format.js";

/** @import { Child, Grant, Invitation, IssuedLink, Layout, Person } from "../lib/types.js" */

const ROLES = ["viewer", "user", "operator", "owner"];
const ALL = "";

class PeoplePage extends HTMLElement {
  #status = failureLine();
  #people = h("tbody", {});
  #invitations = h("tbody", {});
  /** Shows the link that was made last. */
  #made = h("div", { "aria-live": "polite" });
  #heading = h("h1", { tabindex: -1 }, t("people"));

  connectedCallback() {
    this.replaceChildren(
      this.#heading,
      hint("people_hint"),
      this.#status,
      panel(h("h2", {}, t("invite")), this.#form(), this.#made),
      panel(table(["person_name", "person_role", "person_may", "used", "actions"], this.#people)),
      panel(
        h("h2", {}, t("invitations")),
        table(
          ["label", "person_role", "person_may", "invitation_uses", "invitation_ends", "actions"],
          this.#invitations,
        ),
      ),
    );
    this.#load();
  }

  #form() {
    const name = h("input", { maxlength: 40, dir: "auto", autocomplete: "off" });
    const role = select(ROLES, "role");
    const uses = h("input", { type: "number", min: 1, max: 200, value: 1, required: true });
    const days = h("input", { type: "number", min: 1, max: 366, value: 7, required: true });
    const names = h("input", { maxlength: 400, dir: "auto", autocomplete: "off" });
    const boxes = [ALL, ...groupsOf([...store.devices.values()])].map((group) =>
      h("input", { type: "checkbox", value: group }),
    );
    const groups = h(
      "fieldset",
      { class: "row" },
      h("legend", {}, t("invite_groups")),
      boxes.map((box) => h("label", {}, box, " ", box.value ? bdi(box.value) : t("invite_all"))),
    );
    const commands = labelled("invite_commands", names);
    const many = [labelled("invite_uses", uses), labelled("invite_days", days)];
    const offer = () => {
      groups.hidden = role.value === "operator" || role.value === "owner";
      commands.hidden = role.value !== "user";
      for (const field of many) field.hidden = name.value.trim() !== "";
    };
    name.addEventListener("input", offer);
    role.addEventListener("change", offer);
    role.value = "user";
    boxes[0].checked = true;
    offer();
    const make = async () => {
      const isUser = role.value === "user";
      const chosen = boxes.filter(({ checked }) => checked && !groups.hidden).map(({ value }) => value || null);
      /** @type {Grant[]} */
      const grants = (chosen.includes(null) ? [null] : chosen).map((group) => ({
        group,
        commands: isUser ? commandsIn(names.value) : null,
      }));
      const given = { role: role.value, grants: isUser || !chosen.includes(null) ? grants : [] };
      if (name.value.trim()) {
        const person = await request("POST", "/api/people", { ...given, name: name.value.trim() });
        await this.#showPersonLink(person);
      } else {
        const wanted = { ...given, uses: Number(uses.value), days: Number(days.value) };
        await this.#show(
          await request("POST", "/api/invitations", wanted),
          t("invite_lets_in", formatNumber(wanted.uses)),
        );
      }
      name.value = "";
      offer();
    };
    return formOf(
      () => this.#change(make),
      labelled("invite_name", name),
      labelled("person_role", role),
      groups,
      commands,
      many,
      h("button", {}, t("make_link")),
    );
  }

  /** @type {(link: IssuedLink, hint: string) => Promise<void>} */
  async #show(link, hint) {
    const until = [t("invite_until"), " ", timeElement(link.expires)];
    this.#made.replaceChildren(await linkCode(link, [hint, " ", until]));
  }

  /** @param {Person} person */
  async #showPersonLink({ id, name }) {
    await this.#show(await request("POST", `/api/people/${id}/links`), t("invite_made", visible(name)));
    this.#made.scrollIntoView({ block: "nearest" });
  }

  /**
   * Makes a change and loads the lists again; returns whether it worked.
   * @param {() => Promise<unknown>} change
   */
  async #change(change) {
    this.#status.textContent = "";
    let isDone = true;
    try {
      await change();
    } catch (error) {
      isDone = false;
      this.#status.textContent = failureText(error);
    }
    await this.#load();
    return isDone;
  }

  async #load() {
    await attempt(this.#status, async () => {
      const [{ people }, { invitations }, { layouts }] = await Promise.all(
        ["people", "invitations", "layouts"].map((name) => request("GET", `/api/${name}`)),
      );
      const none = (/** @type {string} */ key, /** @type {number} */ columns) =>
        h("tr", {}, h("td", { colspan: columns, class: "quiet" }, t(key)));
      this.#people.replaceChildren(
        ...(people.length
          ? people.map((/** @type {Person} */ each) => this.#personRow(each))
          : [none("people_none", 5)]),
      );
      this.#invitations.replaceChildren(
        ...(invitations.length
          ? invitations.map((/** @type {Invitation} */ each) => this.#invitationRow(each, layouts))
          : [none("invitations_none", 6)]),
      );
    });
  }

  /** @param {Person} person */
  #personRow(person) {
    const { id, name, role, grants, last_used, is_you, language: chosen } = person;
    const spoken =
      chosen && h("small", { class: "quiet" }, " ", new Intl.DisplayNames(language(), { type: "language" }).of(chosen));
    const choice = select(ROLES, "role");
    choice.setAttribute("aria-label", `${t("person_role")}: ${visible(name)}`);
    choice.disabled = is_you;
    choice.value = role;
    choice.addEventListener("change", async () => {
      const kept = choice.value === "user" || choice.value === "viewer" ? grants : [];
      if (choice.value === "user" && !kept.length) kept.push({ group: null, commands: null });
      const change = () => request("PATCH", `/api/people/${id}`, { role: choice.value, grants: kept });
      if (await this.#change(change)) announce(t("person_changed", name));
    });
    const allow = () =>
      grantsDialog(person, async (wanted) => {
        await request("PATCH", `/api/people/${id}`, { grants: wanted });
        await this.#load();
        announce(t("person_changed", name));
      });
    const isLimited = role === "user" || role === "viewer";
    const remove = async () => {
      if (!(await isConfirmed(t("person_sure", name), t("remove")))) return;
      if (await this.#change(() => request("DELETE", `/api/people/${id}`))) announce(t("person_gone", name));
      // The button that had the focus is gone.
      this.#heading.focus();
    };
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, bdi(name), is_you && h("strong", {}, ` (${t("person_you")})`), spoken),
      cell("person_role", choice),
      cell("person_may", mayText(role, grants)),
      cell("used", last_used ? timeElement(last_used) : t("never")),
      h(
        "td",
        { class: "row" },
        actionButton("person_link", name, "quiet", () => this.#change(() => this.#showPersonLink(person))),
        isLimited && actionButton("person_allow", name, "quiet", allow),
        !is_you && actionButton("remove", name, "danger", remove),
      ),
    );
  }

  /** @type {(invitation: Invitation, layouts: Layout[]) => HTMLElement} */
  #invitationRow({ id, label, role, grants, layout, uses, uses_max, expires, state }, layouts) {
    const shown = layouts.find((each) => each.id === layout);
    const name = shown ? t("share_of", visible(shown.title)) : label || id;
    const end = async () => {
      if (!(await isConfirmed(t("invitation_sure", name), t("remove")))) return;
      await this.#change(() => request("DELETE", `/api/invitations/${id}`));
      this.#heading.focus();
    };
    return h(
      "tr",
      { class: state === "live" ? "" : "away" },
      h("th", { scope: "row" }, bdi(name)),
      cell("person_role", t(`role_${role}`)),
      cell("person_may", layout ? "" : mayText(role, grants)),
      cell("invitation_uses", `${formatNumber(uses)} / ${formatNumber(uses_max)}`),
      cell("invitation_ends", state === "live" ? timeElement(expires) : t(`invitation_state_${state}`)),
      h("td", {}, actionButton("remove", name, "danger", end)),
    );
  }
}

customElements.define("people-page", PeoplePage);

/** @type {(role: string, grants: Grant[]) => Child} */
function mayText(role, grants) {
  if (!grants.length) return role === "viewer" ? t("invite_all") : t("person_everything");
  const texts = grants.map(({ group, commands }) => {
    const names = commands && [": ", bdi(commands.join(", "))];
    return h("div", {}, bdi(group ?? t("invite_all")), names);
  });
  return texts;
}
