"""`darvaz signin`: prints a link that signs one browser in, once, whether or not the gateway runs."""

from __future__ import annotations

import time
from pathlib import Path

import click

from darvaz.cli.data_folder import data_opened, data_option
from darvaz.cli.invitation_links import link_of, show_link
from darvaz.cli.remote import ask, remote_option
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.client.config import DEFAULT_URL
from darvaz.gateway.access.roles import Role
from darvaz.gateway.access.sign_in_links import LINK_MINUTES, LINK_MINUTES_MAX, SignInLinks
from darvaz.gateway.sign_in_hint import address_of, sign_in_url


@click.command()
@click.option(
    "--role",
    type=click.Choice(["owner", "operator", "viewer"]),
    help="What they may do; without this an owner, at a gateway elsewhere an operator.",
)
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
    role: Role | None, minutes: float, address: str | None, as_json: bool, data: Path, gateway: str | None
) -> None:  # fmt: skip
    """Print a link that signs one browser in, once. The first browser that opens it is signed in: keep it secret."""
    if gateway is None:
        role = role or "owner"
        link = _make(role, minutes, address, data)
    else:
        role = role or "operator"
        link = link_of(ask(gateway, requests.sign_in_link(role, minutes)), gateway, address)
    hint = f"It works once, within {minutes:g} minutes, as {role}."
    show_link(link, hint, {"role": role, "minutes": minutes}, as_json=as_json)


def _make(role: Role, minutes: float, address: str | None, data: Path) -> str:
    """Makes a link in the data folder of this machine."""
    with data_opened(data) as connection:
        try:
            link = SignInLinks(connection, time.time).issue(role, minutes)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        return sign_in_url(address or address_of(connection) or DEFAULT_URL, link)
