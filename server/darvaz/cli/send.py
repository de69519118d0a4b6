"""`darvaz send`: sends a command to a device and prints the result."""

from __future__ import annotations

import json
from typing import Any

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.text.terminal import visible_json


@click.command()
@click.argument("device")
@click.argument("command")
@click.argument("args", nargs=-1, metavar="[NAME=VALUE]...")
@json_option
@gateway_option
def send(device: str, command: str, args: tuple[str, ...], as_json: bool, gateway: str) -> None:
    """Send COMMAND to DEVICE and print the result of its ack.

    A value that is JSON (90, true, "text") is read as JSON, any other as plain text.
    Example: darvaz send pan-tilt pan angle=90
    """
    result = ask(gateway, requests.command(device, command, _parse(args)))
    # The result is JSON in any case; --json puts it into an object, as other verbs do.
    click.echo(visible_json({"result": result} if as_json else result))


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
