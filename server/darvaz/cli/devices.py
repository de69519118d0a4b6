"""`darvaz devices`: who is here, and who was."""

from __future__ import annotations

import time
from typing import Any

import click

from darvaz.cli.remote import call, gateway_option
from darvaz.cli.tables import ago, iso, show
from darvaz.text.terminal import visible_json


@click.command(short_help="List the devices: who is online, and what they can do.")
@gateway_option
@click.option("--json", "as_json", is_flag=True, help="Print all that is known of them as JSON.")
def devices(gateway: str, as_json: bool) -> None:
    """List the devices: online or last seen, kind, address and what they can do.

    A terminal gets a table; a pipe gets one device a line, tabs between the columns, and nothing cut.
    """
    found: list[dict[str, Any]] = call(gateway, "GET", "api", "devices")["devices"]
    if as_json:
        click.echo(visible_json(found, indent=2))
    elif found:
        show([_whole(device) for device in found], [_brief(device, time.time()) for device in found])
    else:
        click.echo("No device yet. Add one: darvaz enrol, then let the board connect.", err=True)


def _whole(device: dict[str, Any]) -> dict[str, str]:
    return {
        "device": device["id"],
        "kind": device["kind"],
        "state": "online" if device["online"] else "offline",
        "last_seen": iso(device["last_seen"]) or "",
        "address": device["address"] or "",
        "version": device["version"] or "",
        "board": device["board"] or "",
        "commands": _commands(device),
    }


def _brief(device: dict[str, Any], now_s: float) -> dict[str, str]:
    return {
        "device": device["id"],
        "kind": device["kind"],
        "state": "online" if device["online"] else ago(device["last_seen"], now_s),
        "address": device["address"] or "",
        "commands": _commands(device),
    }


def _commands(device: dict[str, Any]) -> str:
    return " ".join(f"{name}({','.join(args)})" for name, args in device["commands"].items())
