"""`darvaz token`: issues, lists and revokes tokens, whether or not the gateway runs."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from darvaz.cli.options import checked_device
from darvaz.cli.remote import call, remote_option
from darvaz.cli.tables import ago, iso, show, span
from darvaz.gateway.access import KINDS, Token, Tokens
from darvaz.gateway.storage.database import DATABASE_NAME, StorageError, opened
from darvaz.text.terminal import visible_json

_DAY_S = 86_400.0
_EXPIRES_DAYS_MAX = 36_500.0
_LABEL_CHARS_MAX = 64


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option that says where the gateway keeps its data."""
    return click.option(
        "--data",
        envvar="DARVAZ_DATA",
        show_envvar=True,
        default="data",
        show_default=True,
        type=click.Path(path_type=Path),
        help="Folder of everything the gateway remembers.",
    )(function)


@contextlib.contextmanager
def data_opened(data: Path) -> Iterator[sqlite3.Connection]:
    """Lends the gateway's database to a command; its troubles end the command with a sentence.

    Where there was none yet, one is made, and said so: it may be the wrong place.
    """
    folder = data.expanduser()
    is_new = not (folder / DATABASE_NAME).exists()
    try:
        with opened(folder) as connection:
            if is_new:
                click.echo(
                    f"New data in {folder.resolve()}: if the gateway keeps its own elsewhere, use --data", err=True
                )
            yield connection
    except StorageError as error:
        raise click.ClickException(str(error)) from None


@click.group()
def token() -> None:
    """Issue, list and revoke the tokens that let boards and people in."""


@token.command(short_help="Issue a token of one kind, for a board or a person.")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--label", default="", help="What it is for, to know it again in the list.")
@click.option(
    "--expires-days",
    type=click.FloatRange(0, _EXPIRES_DAYS_MAX, min_open=True),
    help="Days until it ends by itself; without this it lives until it is revoked.",
)
@click.option(
    "--device", callback=checked_device, help="The only device that may use it; without this, the first that does."
)
@data_option
@remote_option
def issue(
    kind: str, label: str, expires_days: float | None, device: str | None, data: Path, gateway: str | None
) -> None:
    """Issue a token of one KIND: pico, esp32cam, operator (may do everything) or viewer (may look).

    It is shown this once. Sent to a pipe or a file, it comes alone.
    """
    if len(label) > _LABEL_CHARS_MAX:
        raise click.BadParameter(f"at most {_LABEL_CHARS_MAX} characters", param_hint="--label")
    if gateway is not None:
        body = {"kind": kind, "label": label, "expires_days": expires_days, "device": device}
        remote = call(gateway, "POST", "api", "tokens", body=body)
        _show_issued(kind, remote["id"], remote["token"])
        return
    expires_in_s = None if expires_days is None else expires_days * _DAY_S
    with data_opened(data) as connection:
        try:
            issued = Tokens(connection, time.time).issue(kind, label, expires_in_s, device)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    _show_issued(kind, issued.token_id, issued.text)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known of them as JSON.")
@data_option
@remote_option
def list_tokens(as_json: bool, data: Path, gateway: str | None) -> None:
    """List the tokens, without their secrets.

    A terminal gets a table; a pipe gets one token a line, tabs between the columns, and nothing cut.
    """
    now_s = time.time()
    found = _listed(data) if gateway is None else _listed_at(gateway)
    if as_json:
        click.echo(visible_json([_described(known, now_s) for known in found], indent=2))
    elif found:
        show([_whole(known, now_s) for known in found], [_brief(known, now_s) for known in found])
    else:
        click.echo("No token yet. Issue one: darvaz token issue pico", err=True)


@token.command(short_help="End a token; a running gateway soon closes its link.")
@click.argument("token_id", metavar="ID")
@data_option
@remote_option
def revoke(token_id: str, data: Path, gateway: str | None) -> None:
    """Revoke the token with this ID; a running gateway soon closes its link."""
    # A whole token is what people have at hand: its id is the middle part.
    token_id = token_id.split("_")[1] if token_id.startswith("dvz_") else token_id
    if gateway is not None:
        call(gateway, "DELETE", "api", "tokens", token_id)
        click.echo(f"Token {token_id} is revoked.")
        return
    with data_opened(data) as connection:
        is_revoked = Tokens(connection, time.time).revoke(token_id)
    if not is_revoked:
        raise click.ClickException(f"there is no live token {token_id}; see: darvaz token list")
    click.echo(f"Token {token_id} is revoked.")


def _show_issued(kind: str, token_id: str, text: str) -> None:
    click.echo(text)
    if sys.stdout.isatty():
        click.echo(_advice(kind, token_id))


def _listed(data: Path) -> list[Token]:
    with data_opened(data) as connection:
        return Tokens(connection, time.time).list()


def _listed_at(gateway: str) -> list[Token]:
    return [_known(found) for found in call(gateway, "GET", "api", "tokens")["tokens"]]


def _known(found: dict[str, Any]) -> Token:
    return Token(
        token_id=found["id"],
        kind=found["kind"],
        label=found["label"],
        device=found["device"],
        is_minted=False,
        created_s=found["created"],
        expires_s=found["expires"],
        # When it was revoked is not told, and not shown.
        revoked_s=found["created"] if found["state"] == "revoked" else None,
        last_used_s=found["last_used"],
        last_address=found["last_address"],
    )


def _advice(kind: str, token_id: str) -> str:
    use = {
        "operator": "Put it in DARVAZ_TOKEN for the darvaz command, or send it as 'Authorization: Bearer <token>'.",
        "viewer": "Send it as 'Authorization: Bearer <token>': it may look, but change nothing.",
    }.get(kind, f'Put it in the board\'s config.json as "token"; the {kind} that uses it first keeps it.')
    return f"\nThis is shown only once. {use}\nTo end it: darvaz token revoke {token_id}"


def _state(known: Token, now_s: float) -> str:
    if known.revoked_s is not None:
        return "revoked"
    return "live" if known.is_live(now_s) else "expired"


def _described(known: Token, now_s: float) -> dict[str, str | None]:
    return {
        "id": known.token_id,
        "kind": known.kind,
        "state": _state(known, now_s),
        "label": known.label,
        "device": known.device,
        "created": iso(known.created_s),
        "expires": iso(known.expires_s),
        "last_used": iso(known.last_used_s),
        "last_address": known.last_address,
    }


def _whole(known: Token, now_s: float) -> dict[str, str]:
    return {name: value or "" for name, value in _described(known, now_s).items()}


def _brief(known: Token, now_s: float) -> dict[str, str]:
    state = _state(known, now_s)
    ends = f", {span(known.expires_s - now_s)} left" if state == "live" and known.expires_s is not None else ""
    return {
        "id": known.token_id,
        "kind": known.kind,
        "state": state + ends,
        "used": "never" if known.last_used_s is None else ago(known.last_used_s, now_s),
        "device": known.device or "",
        "label": known.label,
    }
