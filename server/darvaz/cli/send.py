"""`darvaz send`: asks a device to do something and prints its answer."""

from __future__ import annotations

import json
from typing import Any

import click

from darvaz.cli.remote import call, gateway_option
from darvaz.text.terminal import visible_json


@click.command()
@click.argument("device")
@click.argument("command")
@click.argument("args", nargs=-1, metavar="[NAME=VALUE]...")
@gateway_option
def send(device: str, command: str, args: tuple[str, ...], gateway: str) -> None:
    """Send COMMAND to DEVICE and print the result of its ack.

    Values are read as JSON where they are JSON (90, true, "text") and as plain text otherwise.
    Example: darvaz send pan-tilt pan angle=90
    """
    answer = call(gateway, "POST", "api", "devices", device, "commands", command, body=_parse(args))
    click.echo(visible_json(answer["result"]))


def _parse(args: tuple[str, ...]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for arg in args:
        name, equals, value = arg.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{arg!r}: expected name=value, such as angle=90")
        if name in parsed:
            raise click.BadParameter(f"{name} is given twice")
        parsed[name] = _value(value)
    return parsed


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
