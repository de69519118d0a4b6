"""`darvaz frames`: the kept frames of a camera."""

from __future__ import annotations

from pathlib import Path

import click

from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.tables import iso
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.text.terminal import visible_json


@click.command()
@click.argument("device")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), help="Save them into this folder.")
@json_option
@gateway_option
def frames(device: str, save: Path | None, as_json: bool, gateway: str) -> None:
    """List the frames of the camera DEVICE that the gateway keeps, or save them as files."""
    with client_of(gateway) as client:
        times_ms: list[int] = client.ask(requests.kept_frames(device))
        files = []
        for time_ms in times_ms if save is not None else ():
            assert save is not None
            file = save / f"{time_ms}.jpg"
            files.append(str(file))
            _write(file, client.ask(requests.kept_frame(device, time_ms)))
    if as_json:
        click.echo(visible_json({"frames": times_ms, "files": files}, indent=2))
        return
    for line in files or [f"{time_ms}  {iso(time_ms / 1000)}" for time_ms in times_ms]:
        click.echo(line)
    if not times_ms:
        click.echo("No frame is kept: the setting camera_ring_frames says how many are.", err=True)


def _write(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None
