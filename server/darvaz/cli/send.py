"""`darvaz send`: sends a command to a device, or to all of a group, and prints the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from darvaz.cli.exit_codes import ExitCode
from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.client.requests import CommandOutcome
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("device")
@click.argument("command", required=False)
@click.argument("args", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "--to", "groups", multiple=True, metavar="GROUP", help="Send it to all of this group, and leave out DEVICE."
)
@json_option
@gateway_option
def send(
    device: str, command: str | None, args: tuple[str, ...], groups: tuple[str, ...], as_json: bool, gateway: str
) -> None:
    """Send COMMAND to DEVICE and print the result of its ack.

    A value that is JSON (90, true, "text") is read as JSON, any other as plain text.
    Examples: darvaz send pan-tilt pan angle=90; darvaz send --to greenhouse led on=true
    """
    if groups:
        # Without DEVICE, each word is one place further on.
        words = (command, *args) if command is not None else ()
        request = requests.command_many(device, _parse(words), groups=groups)
        _show_outcomes(ask(gateway, request), as_json)
        return
    if command is None:
        raise click.UsageError("Missing argument 'COMMAND'.")
    result = ask(gateway, requests.command(device, command, _parse(args)))
    # The result is JSON in any case; --json puts it into an object, as other verbs do.
    click.echo(visible_json({"result": result} if as_json else result))


def _show_outcomes(outcomes: Mapping[str, CommandOutcome], as_json: bool) -> None:
    """Prints what became of the command on each device; ends with an error if it failed on any."""
    if as_json:
        found = {device: outcome._asdict() for device, outcome in outcomes.items()}
        click.echo(visible_json(found, indent=2))
    for device, outcome in () if as_json else outcomes.items():
        text = visible_json(outcome.result) if outcome.is_ok else f"failed: {visible(str(outcome.error))}"
        click.echo(f"{visible(device)}: {text}")
    failed = sum(not outcome.is_ok for outcome in outcomes.values())
    if failed:
        click.echo(f"{failed} of {len(outcomes)} failed.", err=True)
        sys.exit(ExitCode.FAILED)


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
