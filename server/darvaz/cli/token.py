"""`darvaz token`: issues, lists and revokes tokens, whether or not the gateway runs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from darvaz.cli.data_folder import data_opened, data_option
from darvaz.cli.device_option import checked_device
from darvaz.cli.people import found_person
from darvaz.cli.remote import ask, remote_option
from darvaz.cli.tables import ago, iso, show, span
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.client.types import IssuedToken, TokenInfo
from darvaz.gateway.access import KINDS, Token, Tokens
from darvaz.gateway.access.people import People
from darvaz.text.terminal import visible, visible_json

_DAY_S = 86_400.0
_EXPIRES_DAYS_MAX = 36_500.0
_LABEL_CHARS_MAX = 64


@click.group()
def token() -> None:
    """Issue, list and revoke the tokens of boards and people."""


@token.command(short_help="Issue a token of one kind, for a board or a person.")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--person", metavar="NAME", help="The person whose it is, for the kind person.")
@click.option("--label", default="", help="What it is for, shown in the list.")
@click.option(
    "--expires-days",
    type=click.FloatRange(0, _EXPIRES_DAYS_MAX, min_open=True),
    help="Days until it expires; without this it is valid until it is revoked.",
)
@click.option(
    "--device",
    callback=checked_device,
    help="The only device that may use it; without this, the first that uses it.",
)
@json_option
@data_option
@remote_option
def issue(
    kind: str,
    person: str | None,
    label: str,
    expires_days: float | None,
    device: str | None,
    as_json: bool,
    data: Path,
    gateway: str | None,
) -> None:
    """Issue a token of one KIND: pico, esp32cam, owner, operator (may change things), viewer (may only read) or person.

    It is shown only once. In a pipe or a file there is only the token.
    """
    if len(label) > _LABEL_CHARS_MAX:
        raise click.BadParameter(f"at most {_LABEL_CHARS_MAX} characters", param_hint="--label")
    if gateway is not None:
        person_id = None if person is None else found_person(gateway, person)["id"]
        remote: IssuedToken = ask(gateway, requests.issue_token(kind, label, device, expires_days, person_id))
        _show_issued(kind, remote["id"], remote["token"], as_json)
        return
    expires_in_s = None if expires_days is None else expires_days * _DAY_S
    with data_opened(data) as connection:
        try:
            known = None if person is None else People(connection, time.time).named(person)
            if person is not None and known is None:
                raise ValueError(f"nobody is called {visible(person)}: see darvaz people list")
            person_id = None if known is None else known.person_id
            issued = Tokens(connection, time.time).issue(kind, label, expires_in_s, device, person=person_id)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    _show_issued(kind, issued.token_id, issued.text, as_json)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print everything that is known about them as JSON.")
@data_option
@remote_option
def list_tokens(as_json: bool, data: Path, gateway: str | None) -> None:
    """List the tokens, without their secrets.

    On a terminal a table; in a pipe one token a line, with tabs between the columns, and in full.
    """
    unix_s = time.time()
    found = _listed(data) if gateway is None else _listed_at(gateway)
    if as_json:
        click.echo(visible_json([_described(token, unix_s) for token in found], indent=2))
    elif found:
        show([_whole(token, unix_s) for token in found], [_brief(token, unix_s) for token in found])
    else:
        click.echo("No token yet. Issue one: darvaz token issue pico", err=True)


@token.command(short_help="Revoke a token; a running gateway soon closes its link.")
@click.argument("token_id", metavar="ID")
@json_option
@data_option
@remote_option
def revoke(token_id: str, as_json: bool, data: Path, gateway: str | None) -> None:
    """Revoke the token with this ID; a running gateway soon closes its link."""
    # People often have the whole token: its id is the middle part.
    token_id = token_id.split("_")[1] if token_id.startswith("dvz_") else token_id
    if gateway is not None:
        ask(gateway, requests.revoke_token(token_id))
    else:
        _revoke_in(data, token_id)
    click.echo(visible_json({"revoked": token_id}) if as_json else f"Token {visible(token_id)} is revoked.")


def _revoke_in(data: Path, token_id: str) -> None:
    with data_opened(data) as connection:
        is_revoked = Tokens(connection, time.time).revoke(token_id)
    if not is_revoked:
        raise click.ClickException(f"there is no live token {token_id}: see darvaz token list")


def _show_issued(kind: str, token_id: str, text: str, as_json: bool) -> None:
    if as_json:
        click.echo(visible_json({"id": token_id, "token": text}))
        return
    click.echo(visible(text))
    if sys.stdout.isatty():
        click.echo(_advice(kind, visible(token_id)))


def _listed(data: Path) -> list[Token]:
    with data_opened(data) as connection:
        return Tokens(connection, time.time).list()


def _listed_at(gateway: str) -> list[Token]:
    return [_token_of(info) for info in ask(gateway, requests.tokens())]


def _token_of(info: TokenInfo) -> Token:
    return Token(
        token_id=info["id"],
        kind=info["kind"],
        label=info["label"],
        device=info["device"],
        is_minted=False,
        created_s=info["created"],
        expires_s=info["expires"],
        # The API does not give the time of the revocation, and it is not shown.
        revoked_s=info["created"] if info["state"] == "revoked" else None,
        last_used_s=info["last_used"],
        last_address=info["last_address"],
    )


def _advice(kind: str, token_id: str) -> str:
    use = {
        "operator": "Put it in DARVAZ_TOKEN for the darvaz command, or send it as 'Authorization: Bearer <token>'.",
        "viewer": "Send it as 'Authorization: Bearer <token>': it may read, but not change anything.",
        "assistant": "Give it to an assistant with the address /mcp of this gateway: docs/assistants.md.",
    }.get(kind, f'Put it in the board\'s config.json as "token"; the {kind} that uses it first keeps it.')
    return f"\nThis is shown only once. {use}\nTo end it: darvaz token revoke {token_id}"


def _state(token: Token, unix_s: float) -> str:
    if token.revoked_s is not None:
        return "revoked"
    return "live" if token.is_live(unix_s) else "expired"


def _described(token: Token, unix_s: float) -> dict[str, str | None]:
    return {
        "id": token.token_id,
        "kind": token.kind,
        "state": _state(token, unix_s),
        "label": token.label,
        "device": token.device,
        "created": iso(token.created_s),
        "expires": iso(token.expires_s),
        "last_used": iso(token.last_used_s),
        "last_address": token.last_address,
    }


def _whole(token: Token, unix_s: float) -> dict[str, str]:
    return {name: value or "" for name, value in _described(token, unix_s).items()}


def _brief(token: Token, unix_s: float) -> dict[str, str]:
    state = _state(token, unix_s)
    ends = f", {span(token.expires_s - unix_s)} left" if state == "live" and token.expires_s is not None else ""
    return {
        "id": token.token_id,
        "kind": token.kind,
        "state": state + ends,
        "used": "never" if token.last_used_s is None else ago(token.last_used_s, unix_s),
        "device": token.device or "",
        "label": token.label,
    }
