"""`darvaz people`: who may use the gateway and what they may do, and the links that let others in."""

from __future__ import annotations

import time
from typing import Any

import click

from darvaz.cli.invitation_links import link_of, show_link
from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import ago, iso, show_found, span
from darvaz.cli.verb_options import json_option
from darvaz.client import people as requests
from darvaz.client.people import GrantInfo, InvitationInfo, PersonInfo
from darvaz.text.terminal import visible, visible_json

_ROLES = click.Choice(["viewer", "user", "operator", "owner"])
_USES_MAX, _DAYS_MAX = 200, 366
_role = click.option("--role", type=_ROLES, default="user", show_default=True)
_may = click.option(
    "--may",
    "may",
    multiple=True,
    metavar="GROUP[:COMMANDS]",
    help="What they may see, and a user may send: `class`, `class:lamp,pump`, or `*` for all boards; may be repeated.",
)


@click.group()
def people() -> None:
    """List the people of the gateway, invite others, and change what they may do."""


@people.command("list")
@json_option
@gateway_option
def list_people(as_json: bool, gateway: str) -> None:
    """List the people, with their roles."""
    found: list[PersonInfo] = ask(gateway, requests.people())
    show_found(found, _whole, "Nobody has a name yet: darvaz people invite", as_json=as_json, brief=_brief)


@people.command(short_help="Make one link that lets several people in.")
@_role
@_may
@click.option("--uses", type=click.IntRange(1, _USES_MAX), default=1, show_default=True, help="How many may use it.")
@click.option(
    "--days", type=click.FloatRange(0, _DAYS_MAX, min_open=True), default=7.0, show_default=True,
    help="How long it may be used.",
)  # fmt: skip
@click.option("--label", default="", help="What it is for, shown in the list.")
@click.option("--dashboard", metavar="ID", help="Show this dashboard, and nothing else, to viewers or users.")
@json_option
@gateway_option
def invite(
    role: str, may: tuple[str, ...], uses: int, days: float, label: str, dashboard: str | None, as_json: bool,
    gateway: str,
) -> None:  # fmt: skip
    """Print a link that lets up to --uses people in; each chooses a name. With --dashboard it shows that alone."""
    grants = [] if dashboard else _grants(role, may)
    fields = {"role": role, "grants": grants, "uses": uses, "days": days, "label": label, "layout": dashboard}
    made = ask(gateway, requests.issue_invitation(fields))
    hint = f"It works {uses} times, within {span(days * 86_400)}, as {role}. To end it: darvaz people end {made['id']}"
    show_link(link_of(made, gateway), hint, {"id": made["id"]}, as_json=as_json)


@people.command(short_help="Add a person by name, and print a link for them.")
@click.argument("name")
@_role
@_may
@json_option
@gateway_option
def add(name: str, role: str, may: tuple[str, ...], as_json: bool, gateway: str) -> None:
    """Add the person NAME, and print a link that signs one browser of theirs in, once."""
    person = ask(gateway, requests.add_person(name, role, _grants(role, may)))
    _show_link(person, as_json, gateway)


@people.command(short_help="Print a link for another device of a person.")
@click.argument("name")
@json_option
@gateway_option
def link(name: str, as_json: bool, gateway: str) -> None:
    """Print a link that signs one browser of the person NAME in, once."""
    _show_link(found_person(gateway, name), as_json, gateway)


@people.command(short_help="Change what a person may do.")
@click.argument("name")
@click.option("--role", type=_ROLES)
@_may
@click.option("--rename", metavar="NAME", help="What they are called from now on.")
@click.option(
    "--language",
    type=click.Choice(["en", "fa", "none"]),
    help="Of their pages and of alerts on their browsers; none is that of each browser.",
)
@json_option
@gateway_option
def change(
    name: str, role: str | None, may: tuple[str, ...], rename: str | None, language: str | None, as_json: bool,
    gateway: str,
) -> None:  # fmt: skip
    """Change the role of the person NAME, what they may use, what they are called, or their language."""
    known = found_person(gateway, name)
    fields: dict[str, Any] = {} if rename is None else {"name": rename}
    if role is not None or may:
        fields |= {"role": role or known["role"], "grants": _grants(role or known["role"], may)}
    if language is not None:
        fields["language"] = None if language == "none" else language
    changed = ask(gateway, requests.change_person(known["id"], fields))
    text = visible_json(changed, indent=2) if as_json else f"{visible(changed['name'])} is {visible(changed['role'])}."
    click.echo(text)


@people.command(short_help="Remove a person: what they see ends at once.")
@click.argument("name")
@json_option
@gateway_option
def remove(name: str, as_json: bool, gateway: str) -> None:
    """Remove the person NAME, with their browsers and tokens, and those that they made for others."""
    known = found_person(gateway, name)
    ask(gateway, requests.remove_person(known["id"]))
    click.echo(visible_json({"removed": known["id"]}) if as_json else f"{visible(known['name'])} is removed.")


@people.command()
@json_option
@gateway_option
def invitations(as_json: bool, gateway: str) -> None:
    """List the invitations, with how often each was used."""
    found: list[InvitationInfo] = ask(gateway, requests.invitations())
    show_found(found, _invitation, "No invitation: darvaz people invite", as_json=as_json)


@people.command(short_help="End an invitation.")
@click.argument("invitation", metavar="ID")
@json_option
@gateway_option
def end(invitation: str, as_json: bool, gateway: str) -> None:
    """End the invitation with this ID, and the browsers that see its dashboard; people who came with it stay."""
    ask(gateway, requests.revoke_invitation(invitation))
    click.echo(visible_json({"ended": invitation}) if as_json else f"Invitation {visible(invitation)} is ended.")


def _grants(role: str, may: tuple[str, ...]) -> list[GrantInfo]:
    """Returns the grants of options; a user without any may use all boards."""
    grants: list[GrantInfo] = []
    for text in may or (("*",) if role == "user" else ()):
        group, colon, commands = text.partition(":")
        grants.append({"group": None if group == "*" else group, "commands": commands.split(",") if colon else None})
    return grants


def _show_link(person: PersonInfo, as_json: bool, gateway: str) -> None:
    made = ask(gateway, requests.person_link(person["id"]))
    hint = f"It signs one browser of {visible(person['name'])} in, once, within a day, as {visible(person['role'])}."
    show_link(link_of(made, gateway), hint, {"id": person["id"]}, as_json=as_json)


def found_person(gateway: str, name: str) -> PersonInfo:
    """Returns the person of a name or an id; ends the command if there is none."""
    found: list[PersonInfo] = ask(gateway, requests.people())
    person = next((each for each in found if name in (each["name"], each["id"])), None)
    if person is None:
        raise click.ClickException(f"nobody is called {visible(name)}: see darvaz people list")
    return person


def _may_text(grants: list[GrantInfo]) -> str:
    texts = []
    for grant in grants:
        commands = grant.get("commands")
        texts.append((grant.get("group") or "*") + ("" if commands is None else f":{','.join(commands)}"))
    return " ".join(texts)


def _whole(person: PersonInfo) -> dict[str, str]:
    used = iso(person["last_used"]) or ""
    return {"name": person["name"], "role": person["role"], "may": _may_text(person["grants"]), "used": used,
            "language": person["language"] or "", "id": person["id"]}  # fmt: skip


def _brief(person: PersonInfo) -> dict[str, str]:
    used = "never" if person["last_used"] is None else ago(person["last_used"], time.time())
    return {"name": person["name"], "role": person["role"], "may": _may_text(person["grants"]), "used": used}


def _invitation(each: InvitationInfo) -> dict[str, str]:
    shown = f"dashboard {each['layout']}" if each["layout"] else _may_text(each["grants"])
    return {"id": each["id"], "role": each["role"], "may": shown, "used": f"{each['uses']} of {each['uses_max']}",
            "ends": iso(each["expires"]) or "", "state": each["state"], "label": each["label"]}  # fmt: skip
