"""`darvaz picture`: the size, quality and rate of a camera's pictures."""

from __future__ import annotations

import click

from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client import pictures as requests
from darvaz.client.pictures import PictureInfo
from darvaz.gateway.frames.demand import SIZES
from darvaz.text.terminal import visible, visible_json

_STATES = {
    "offline": "it is offline",
    "own": "it decides by itself what it sends",
    "pending": "it was asked and has not answered yet",
    "agreed": "it sends them so",
    "refused": "it refused",
}


@click.command()
@click.argument("device")
@click.option("--size", type=click.Choice(list(SIZES), case_sensitive=False), help="Of the picture.")
@click.option("--quality", type=click.IntRange(1, 100), help="Of the JPEG.")
@click.option("--fps", type=click.FloatRange(0, 60, min_open=True), help="Pictures a second.")
@click.option("--default", "is_default", is_flag=True, help="As the gateway's settings and the board say.")
@json_option
@gateway_option
def picture(
    device: str,
    size: str | None,
    quality: int | None,
    fps: float | None,
    is_default: bool,
    as_json: bool,
    gateway: str,
) -> None:
    """Show the size, quality and rate of the pictures of the camera DEVICE, or change them.

    They are for viewers who ask for nothing else, as the pages do.
    """
    given = {name: value for name, value in {"size": size, "quality": quality, "fps": fps}.items() if value is not None}
    with client_of(gateway) as client:
        found: PictureInfo = client.ask(requests.picture(device))
        if given or is_default:
            before = {} if is_default else {"size": found["size"], "quality": found["quality"], "fps": found["fps"]}
            found = client.ask(requests.choose_picture(device, **{**before, **given}))
    click.echo(visible_json(found, indent=2) if as_json else f"{visible(device)}: {_sentence(found)}")


def _sentence(found: PictureInfo) -> str:
    usual = found["usual"]
    size, quality = found["size"] or usual["size"], found["quality"] or usual["quality"]
    reason = f": {visible(found['reason'])}" if found["reason"] else ""
    return (
        f"{size}, quality {quality}, {found['fps'] or usual['fps']:g} pictures a second;"
        f" {_STATES[found['state']]}{reason}."
    )
