"""`darvaz login`: remembers the address of a gateway and the token for it."""

from __future__ import annotations

import os
import sys

import click

from darvaz.cli.remote import client_of, explained_errors
from darvaz.cli.verb_options import json_option
from darvaz.client.config import TOKEN_VARIABLE, GatewayConfig, checked_token, login_path, remember
from darvaz.text.terminal import visible_json

_LINE_CHARS_MAX = 1_024


@click.command()
@click.argument("url")
@json_option
def login(url: str, as_json: bool) -> None:
    """Remember the gateway at URL and a token for it, for every command that uses a gateway.

    The token is asked for, or read from DARVAZ_TOKEN or a pipe; it is kept in a file that only you can read.
    `darvaz token issue operator`, on the gateway's machine, makes one.
    """
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter("it begins with http:// or https://", param_hint="URL")
    token = os.environ.get(TOKEN_VARIABLE) or _read_token()
    with explained_errors():
        config = GatewayConfig(url.rstrip("/"), checked_token(token))
    with client_of(config.url, config.token) as gateway:
        known = len(gateway.devices())
    try:
        remember(login_path(), config)
    except OSError as error:
        raise click.ClickException(f"{login_path()} cannot be written: {error.strerror}") from None
    if as_json:
        click.echo(visible_json({"gateway": config.url, "devices": known, "file": str(login_path())}))
        return
    click.echo(f"{config.url} knows {known} device(s); it is remembered in {login_path()}")


def _read_token() -> str:
    """Returns the token that is typed, hidden, or the first line of a pipe; without one the command ends."""
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True))
    token = sys.stdin.readline(_LINE_CHARS_MAX).strip()
    if not token:
        raise click.ClickException(f"no token was given: type it, pipe it in, or put it into {TOKEN_VARIABLE}")
    return token
