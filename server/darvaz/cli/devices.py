"""`darvaz devices`: who is here, and who was."""

from __future__ import annotations

import json
import time
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from darvaz.cli.remote import call, gateway_option


@click.command()
@gateway_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def devices(gateway: str, as_json: bool) -> None:
    """List the devices: online or last seen, kind, address and what they can do."""
    found: list[dict[str, Any]] = call(gateway, "GET", "api", "devices")["devices"]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo("No device yet. Add one: darvaz enrol, then let the board connect.")
        return
    table = Table("device", "kind", "state", "address", "version", "commands")
    for device in found:
        table.add_row(*(escape(cell) for cell in _cells(device)))
    Console().print(table)


def _cells(device: dict[str, Any]) -> list[str]:
    state = "online" if device["online"] else f"last seen {_ago(time.time() - device['last_seen'])} ago"
    commands = ", ".join(_signature(name, args) for name, args in device["commands"].items())
    return [device["id"], device["kind"], state, device["address"] or "", device["version"] or "", commands]


def _signature(name: str, args: dict[str, Any]) -> str:
    return f"{name}({', '.join(args)})"


def _ago(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
