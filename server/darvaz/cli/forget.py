"""`darvaz forget`: forgets devices, if --confirm is given."""

from __future__ import annotations

import sys

import click

from darvaz.cli.exit_codes import ExitCode
from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("devices", nargs=-1, required=True, metavar="DEVICE...")
@click.option("--confirm", is_flag=True, help="Forget them; without it, only list what would be forgotten.")
@json_option
@gateway_option
def forget(devices: tuple[str, ...], confirm: bool, as_json: bool, gateway: str) -> None:
    """Forget each DEVICE: its link is closed, its tokens are revoked, its readings and frames are deleted."""
    with client_of(gateway) as client:
        # All of them at first: one with a wrong name leaves the others as they are.
        known = [client.ask(requests.device(device))["id"] for device in devices]
        for device in known if confirm else ():
            client.ask(requests.forget(device))
    if as_json:
        click.echo(visible_json({"devices": known, "forgotten": confirm}))
    else:
        for device in known:
            click.echo(f"{visible(device)} {'is forgotten' if confirm else 'would be forgotten'}.")
    if not confirm:
        click.echo("Nothing was changed: add --confirm.", err=True)
        sys.exit(ExitCode.WRONG_USE)
