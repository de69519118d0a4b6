"""How a link with a secret is shown: its address for browsers elsewhere, and a QR code on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import click

from darvaz.boards.flashing.gateway_address import is_loopback
from darvaz.gateway.addresses import is_in_container
from darvaz.text.terminal import visible, visible_json


def link_of(made: Mapping[str, Any], gateway: str, address: str | None = None) -> str:
    """Returns the link of an answer that has its path, at a given address or one that works in browsers elsewhere."""
    return (address or _address_for_browsers(made, gateway)).rstrip("/") + str(made["path"])


def show_link(link: str, hint: str, more: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints a link, and a QR code of it to a person at a terminal; in a pipe there is only the link."""
    if as_json:
        click.echo(visible_json({"link": link, **more}))
        return
    click.echo(visible(link))
    if sys.stdout.isatty():
        # Here, since the other verbs need none.
        import segno

        segno.make_qr(link, error="l").terminal(out=sys.stdout, compact=True)
    click.echo(hint, err=True)


def _address_for_browsers(made: Mapping[str, Any], gateway: str) -> str:
    """Returns an address that works in a browser elsewhere: the public URL, else that of this machine in its network.

    Behind another port, or in a container, the gateway does not know it: then the address that was given.
    """
    address = str(made.get("address") or gateway)
    if made.get("is_public"):
        return address
    given, own = urlsplit(gateway), urlsplit(address)
    is_own = (given.scheme, given.port) == (own.scheme, own.port) and is_loopback(given.hostname or "")
    return address if is_own and not is_in_container() else gateway
