"""`darvaz events`: what happens, as it happens, one event a line."""

from __future__ import annotations

import contextlib
import signal
import sys
import time

import click

from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.option("--device", help="Only this device.")
@click.option("--type", "types", multiple=True, help="Only this type: presence, telemetry, log, ack … May be repeated.")
@click.option("--count", type=click.IntRange(1, 1_000_000_000), help="End after this number of events.")
@json_option
@gateway_option
def events(device: str | None, types: tuple[str, ...], count: int | None, as_json: bool, gateway: str) -> None:
    """Show what happens from now on, one event a line, until Ctrl-C. Reconnects and goes on where it stopped."""
    # Ctrl-C is how this ends, so it is not a failure.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), client_of(gateway) as client:
        # The stream begins with a greeting that nobody asked for.
        happened = (event for event in client.events(*types, device=device) if event.type != "hello")
        for number, event in enumerate(happened, 1):
            line = event.data | {"type": event.type}
            if as_json:
                click.echo(visible_json(line))
            else:
                at = time.strftime("%H:%M:%S", time.localtime(_seconds(event.data.get("time"))))
                fields = {name: value for name, value in event.data.items() if name not in ("device", "time")}
                click.echo(f"{at} {visible(event.device or '-')} {visible(event.type)} {visible_json(fields)}")
            sys.stdout.flush()
            if number == count:
                return


def _seconds(unix_s: object) -> float | None:
    """Returns a time that a calendar has, or None for now."""
    return unix_s if isinstance(unix_s, int | float) and abs(unix_s) < 1e11 else None
