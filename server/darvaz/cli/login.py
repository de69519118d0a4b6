"""`darvaz login`: remembers a gateway elsewhere and the token for it."""

from __future__ import annotations

import os
import sys

import click

from darvaz.client.config import TOKEN_VARIABLE, Place, checked_token, file_path, remember
from darvaz.client.errors import GatewayError
from darvaz.client.synchronous import Gateway

_LINE_CHARS_MAX = 1_024


@click.command(short_help="Remember a gateway elsewhere, for every other command.")
@click.argument("url")
def login(url: str) -> None:
    """Remember the gateway at URL and a token for it; every command that asks a gateway then means this one.

    The token is asked for, or read from DARVAZ_TOKEN or a pipe; it is kept in a file that only you can read.
    An operator makes one with `darvaz token issue operator` on the gateway's machine.
    """
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter("it begins with http:// or https://", param_hint="URL")
    token = os.environ.get(TOKEN_VARIABLE) or _asked_token()
    try:
        place = Place(url.rstrip("/"), checked_token(token))
        with Gateway(place.url, place.token) as gateway:
            known = len(gateway.devices())
        remember(file_path(), place)
    except GatewayError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{file_path()} cannot be written: {error.strerror}") from None
    click.echo(f"{place.url} knows {known} device(s); it is remembered in {file_path()}")


def _asked_token() -> str:
    """Returns what somebody types and nobody sees, or the first line of a pipe; without one the command ends."""
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True))
    token = sys.stdin.readline(_LINE_CHARS_MAX).strip()
    if not token:
        raise click.ClickException(f"no token came: type it, pipe it in, or put it into {TOKEN_VARIABLE}")
    return token
