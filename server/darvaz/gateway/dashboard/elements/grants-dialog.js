// Changes what a person may use: boards by group, and of each group all commands or some.

import { bdi, h, store, t } from "../lib/page.js";
import { showDialog } from "./dialog.js";
import { groupsOf } from "./fleet-filters.js";
import { attempt, failureLine, submitted } from "./page-parts.js";

/** @import { Grant, Person } from "../lib/types.js" */

/**
 * Asks for the groups and commands, and gives them to `save`.
 * @type {(person: Person, save: (grants: Grant[]) => Promise<unknown>) => void}
 */
export function grantsDialog({ name, role, grants }, save) {
  const known = new Set([null, ...groupsOf([...store.devices.values()]), ...grants.map(({ group }) => group)]);
  // A viewer without grants sees all boards.
  const given = grants.length ? grants : [{ group: null, commands: null }];
  const rows = [...known].map((group) => grantRow(group, given, role === "user"));
  const status = failureLine();
  const onsubmit = submitted(() =>
    attempt(status, async () => {
      await save(rows.flatMap((row) => row.grant() ?? []));
      dialog.close();
    }),
  );
  const dialog = showDialog(
    t("person_may"),
    h("h2", {}, t("person_may"), ": ", bdi(name)),
    h(
      "form",
      { onsubmit },
      rows.map(({ element }) => element),
      status,
      h("button", {}, t("save")),
    ),
  );
}

/** @type {(text: string) => string[] | null} the commands that a text names; null, all of them, where it names none */
export function commandsIn(text) {
  const listed = text.split(/[\s,،]+/).filter(Boolean);
  return listed.length ? listed : null;
}

/** @type {(group: string | null, grants: Grant[], isUser: boolean) => { element: HTMLElement; grant: () => Grant | null }} */
function grantRow(group, grants, isUser) {
  const given = grants.find((each) => each.group === group);
  const label = group ?? t("invite_all");
  const box = h("input", { type: "checkbox", checked: Boolean(given) });
  const commands = h("input", {
    maxlength: 400,
    dir: "auto",
    autocomplete: "off",
    value: given?.commands?.join(" ") ?? "",
    placeholder: t("grant_commands"),
    "aria-label": `${t("grant_commands")}: ${label}`,
    hidden: !isUser,
  });
  const grant = () => {
    return box.checked ? { group, commands: isUser ? commandsIn(commands.value) : null } : null;
  };
  return { element: h("p", { class: "row" }, h("label", {}, box, " ", bdi(label)), commands), grant };
}
