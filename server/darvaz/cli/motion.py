"""`darvaz motion`: whether the gateway looks for motion before a camera, and how much must change."""

from __future__ import annotations

import click

from darvaz.cli.remote import client_of, gateway_option
from darvaz.cli.verb_options import json_option
from darvaz.client import motion as requests
from darvaz.client.motion import MotionInfo
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("device")
@click.option("--on/--off", "is_on", default=None, help="Look for motion, or do not.")
@click.option(
    "--percent",
    type=click.FloatRange(0.1, 100),
    help="How much of the picture must change between two frames [default: 2].",
)
@json_option
@gateway_option
def motion(device: str, is_on: bool | None, percent: float | None, as_json: bool, gateway: str) -> None:
    """Show whether the gateway looks for motion before the camera DEVICE, or change it.

    Motion is the value `camera_motion` of the board, for alerts, rules, automations and charts.
    """
    with client_of(gateway) as client:
        found: MotionInfo = client.ask(requests.motion(device))
        if is_on is not None or percent is not None:
            wanted = found["is_on"] if is_on is None else is_on
            found = client.ask(requests.set_motion(device, wanted, percent or found["percent"]))
    click.echo(visible_json(found, indent=2) if as_json else f"{visible(device)}: {_sentence(found)}")


def _sentence(motion: MotionInfo) -> str:
    if not motion["is_on"]:
        return "motion is not looked for; turn it on with --on."
    state = "something moves now" if motion["is_moving"] else "nothing moves now"
    return f"motion is looked for, from {motion['percent']:g} % of the picture on; {state}."
