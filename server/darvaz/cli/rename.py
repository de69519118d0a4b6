"""`darvaz rename`: gives a device a label for people."""

from __future__ import annotations

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("device")
@click.argument("label", required=False)
@json_option
@gateway_option
def rename(device: str, label: str | None, as_json: bool, gateway: str) -> None:
    """Give DEVICE the LABEL that people see; without LABEL, remove it. The id of a device never changes."""
    info = ask(gateway, requests.label(device, label))
    if as_json:
        click.echo(visible_json(info, indent=2))
    elif info["label"] is None:
        click.echo(f"{visible(info['id'])} has no label.")
    else:
        click.echo(f"{visible(info['id'])} is called {visible(info['label'])}.")
