"""`darvaz signin`: prints a link that signs one browser in, once, whether or not the gateway runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from darvaz.boards.flashing.gateway_address import is_loopback
from darvaz.cli.data_folder import data_opened, data_option
from darvaz.cli.remote import ask, remote_option
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.client.config import DEFAULT_URL
from darvaz.gateway.access.sign_in_links import LINK_MINUTES, LINK_MINUTES_MAX, SignInLinks
from darvaz.gateway.addresses import is_in_container
from darvaz.gateway.sign_in_hint import address_of, sign_in_url
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.option("--role", type=click.Choice(["operator", "viewer"]), default="operator", show_default=True)
@click.option(
    "--minutes",
    type=click.FloatRange(0, LINK_MINUTES_MAX, min_open=True),
    default=LINK_MINUTES,
    show_default=True,
    help="How long the link waits to be used.",
)
@click.option(
    "--address", help="Where browsers reach the gateway; without this, its public_url, or its address in the network."
)
@json_option
@data_option
@remote_option
def signin(
    role: str, minutes: float, address: str | None, as_json: bool, data: Path, gateway: str | None
) -> None:  # fmt: skip
    """Print a link that signs one browser in, once. The first browser that opens it is signed in: keep it secret."""
    if gateway is None:
        link = _make(role, minutes, address, data)
    else:
        made = ask(gateway, requests.sign_in_link(role, minutes))
        link = (address or _address_for_browsers(made, gateway)).rstrip("/") + str(made["path"])
    if as_json:
        click.echo(visible_json({"link": link, "role": role, "minutes": minutes}))
        return
    click.echo(visible(link))
    click.echo(f"It works once, within {minutes:g} minutes, as {role}.", err=True)


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


def _make(role: str, minutes: float, address: str | None, data: Path) -> str:
    """Makes a link in the data folder of this machine."""
    with data_opened(data) as connection:
        try:
            link = SignInLinks(connection, time.time).issue("viewer" if role == "viewer" else "operator", minutes)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        return sign_in_url(address or address_of(connection) or DEFAULT_URL, link)
