"""`darvaz snapshot`: writes a frame of a camera into a file, or one at each interval."""

from __future__ import annotations

import datetime
import os
import sys
import time
from pathlib import Path

import click

from darvaz.cli.remote import ask, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.client.requests import CameraFrame
from darvaz.text.terminal import visible_json


@click.command()
@click.argument("device")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="File to write, - for standard output [default: DEVICE.jpg]. %Y%m%d-%H%M%S and the like become the time.",
)
@click.option("--every", "every_s", type=click.FloatRange(0.1, 86_400), help="Save one at this interval, in seconds.")
@click.option("--count", type=click.IntRange(1, 10_000_000), help="With --every: how many.")
@json_option
@gateway_option
def snapshot(
    device: str, output: Path | None, every_s: float | None, count: int | None, as_json: bool, gateway: str
) -> None:
    """Save a picture of the camera DEVICE.

    Example: darvaz snapshot yard --every 60 -o 'yard/%Y%m%d-%H%M%S.jpg'
    """
    if count is not None and every_s is None:
        raise click.UsageError("--count needs --every")
    output = output or Path(f"{device}.jpg")
    if every_s is None:
        _save(ask(gateway, requests.snapshot(device)), output, as_json)
        return
    if "%" not in str(output):
        output = output.with_name(f"{output.stem}-%Y%m%d-%H%M%S{output.suffix}")
    _save_regularly(device, output, every_s, count, as_json, gateway)


def _save_regularly(device: str, output: Path, every_s: float, count: int | None, as_json: bool, gateway: str) -> None:
    """Saves a frame at each interval; an error is printed, and the next interval tries again."""
    due_s, tries = time.monotonic(), 0
    while count is None or tries < count:
        try:
            _save(ask(gateway, requests.snapshot(device)), output, as_json)
        except click.ClickException as error:
            click.echo(f"{time.strftime('%H:%M:%S')} {error.format_message()}", err=True)
        tries += 1
        due_s = max(due_s + every_s, time.monotonic())
        if count is None or tries < count:
            # A frame may take longer than the interval.
            time.sleep(max(0.0, due_s - time.monotonic()))


def _save(frame: CameraFrame, output: Path, as_json: bool) -> None:
    """Writes a frame into a file, whole or not at all; the name may have the time of the frame in it."""
    if str(output) == "-":
        sys.stdout.buffer.write(frame.data)
        sys.stdout.buffer.flush()
        return
    taken = datetime.datetime.fromtimestamp(frame.time).astimezone()
    target = Path(taken.strftime(str(output))) if "%" in str(output) else output
    partial = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(frame.data)
        os.replace(partial, target)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from None
    if as_json:
        click.echo(visible_json({"file": str(target), "time": frame.time, "bytes": len(frame.data)}))
