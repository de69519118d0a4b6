"""`darvaz snapshot`: keeps a camera's picture, or one every so often."""

from __future__ import annotations

import os
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import click
import httpx

from darvaz.cli.remote import fetch, gateway_option


@click.command()
@click.argument("device")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="File to write, - for standard output [default: DEVICE.jpg]. %Y%m%d-%H%M%S and the like become the time.",
)
@click.option("--every", "every_s", type=click.FloatRange(0.1, 86_400), help="Keep one each so many seconds.")
@click.option("--count", type=click.IntRange(1, 10_000_000), help="With --every: how many.")
@gateway_option
def snapshot(device: str, output: Path | None, every_s: float | None, count: int | None, gateway: str) -> None:
    """Keep a picture of the camera DEVICE.

    Example: darvaz snapshot yard --every 60 -o 'yard/%Y%m%d-%H%M%S.jpg'
    """
    if count is not None and every_s is None:
        raise click.UsageError("--count needs --every")
    output = output or Path(f"{device}.jpg")
    if every_s is None:
        _keep(_take(device, gateway), output)
        return
    if "%" not in str(output):
        output = output.with_name(f"{output.stem}-%Y%m%d-%H%M%S{output.suffix}")
    _keep_on(device, output, every_s, count, gateway)


def _keep_on(device: str, output: Path, every_s: float, count: int | None, gateway: str) -> None:
    """Keeps a picture at each step of the clock; what fails is said and tried again at the next."""
    due_s, kept = time.monotonic(), 0
    while count is None or kept < count:
        try:
            _keep(_take(device, gateway), output)
        except click.ClickException as error:
            click.echo(f"{time.strftime('%H:%M:%S')} {error.format_message()}", err=True)
        kept += 1
        due_s = max(due_s + every_s, time.monotonic())
        if count is None or kept < count:
            time.sleep(due_s - time.monotonic())


def _take(device: str, gateway: str) -> httpx.Response:
    return fetch(gateway, "api", "devices", device, "snapshot.jpg")


def _keep(picture: httpx.Response, output: Path) -> None:
    """Writes a picture under a name of its time; the file is there as a whole or not at all."""
    if str(output) == "-":
        sys.stdout.buffer.write(picture.content)
        sys.stdout.buffer.flush()
        return
    taken = parsedate_to_datetime(picture.headers["Last-Modified"]).astimezone()
    target = Path(taken.strftime(str(output))) if "%" in str(output) else output
    partial = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(picture.content)
        os.replace(partial, target)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from None
