"""`darvaz settings`: the settings of a running gateway, and changes of them."""

from __future__ import annotations

import json
from typing import Any

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import show
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.text.terminal import visible_json


@click.command()
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@json_option
@gateway_option
def settings(changes: tuple[str, ...], as_json: bool, gateway: str) -> None:
    """Show the settings of a running gateway; with NAME=VALUE, change some of them until it stops.

    `darvaz config` shows where settings come from, and how to make them last.
    """
    request = requests.change_settings(dict(map(_parse, changes))) if changes else requests.settings()
    found = ask(gateway, request)
    if as_json:
        click.echo(visible_json({name: setting["value"] for name, setting in found.items()}, indent=2))
        return
    rows = [
        {"setting": name, "value": json.dumps(setting["value"], ensure_ascii=False),
         "change": "now" if setting["may_change"] else "at a start", "what it is": setting["description"]}
        for name, setting in found.items()
    ]  # fmt: skip
    show(rows, rows)


def _parse(change: str) -> tuple[str, Any]:
    name, equals, text = change.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{change!r}: expected name=value, such as log_level=debug")
    try:
        return name.replace("-", "_"), json.loads(text)
    except (ValueError, RecursionError):
        return name.replace("-", "_"), text
