"""`darvaz viewlink`: links that show one camera for some time, without a token."""

from __future__ import annotations

import click

from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.tables import iso
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.text.terminal import visible, visible_json

_MINUTES_MAX = 10_080


@click.command()
@click.argument("device")
@click.option("--minutes", type=click.FloatRange(0, _MINUTES_MAX, min_open=True), help="How long they work.")
@click.option("--address", help="Where others reach the gateway; without this, --gateway.")
@json_option
@gateway_option
def viewlink(device: str, minutes: float | None, address: str | None, as_json: bool, gateway: str) -> None:
    """Print links that show the camera DEVICE, and nothing else, for some time: give them to whom you trust."""
    with client_of(gateway) as client:
        state, made = client.ask(requests.camera(device)), client.ask(requests.view_link(device, minutes))
    base = (address or gateway).rstrip("/")
    links = {name: base + made[name] for name in ("stream", "snapshot")}
    if as_json:
        click.echo(visible_json({**links, "expires": made["expires"]}, indent=2))
        return
    for link in links.values():
        click.echo(visible(link))
    where = "online" if state["online"] else "offline now"
    click.echo(f"They work until {iso(made['expires'])}; {visible(device)} is {where}.", err=True)
