"""`darvaz devices`: lists the devices that the gateway knows."""

from __future__ import annotations

import time

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.tables import ago, iso, show_found
from darvaz.client import requests
from darvaz.client.types import DeviceInfo


@click.command()
@gateway_option
@click.option("--json", "as_json", is_flag=True, help="Print everything that is known about them as JSON.")
def devices(gateway: str, as_json: bool) -> None:
    """List the devices: online or when last seen, kind, address and commands.

    On a terminal a table; in a pipe one device a line, with tabs between the columns, and in full.
    """
    found: list[DeviceInfo] = ask(gateway, requests.devices())
    nothing = "No device yet. Add one: darvaz enrol, then connect the board."
    show_found(found, _whole, nothing, as_json=as_json, brief=lambda device: _brief(device, time.time()))


def _whole(device: DeviceInfo) -> dict[str, str]:
    return {
        "device": device["id"],
        "kind": device["kind"],
        "state": "online" if device["online"] else "offline",
        "last_seen": iso(device["last_seen"]) or "",
        "address": device["address"] or "",
        "version": device["version"] or "",
        "board": device["board"] or "",
        "link": (device.get("protection") or "").replace("_", " "),
        "commands": _commands(device),
    }


def _brief(device: DeviceInfo, unix_s: float) -> dict[str, str]:
    return {
        "device": device["id"],
        "kind": device["kind"],
        "state": "online" if device["online"] else ago(device["last_seen"], unix_s),
        "address": device["address"] or "",
        "commands": _commands(device),
    }


def _commands(device: DeviceInfo) -> str:
    return " ".join(f"{name}({','.join(args)})" for name, args in device["commands"].items())
