"""`darvaz enrol`: opens the enrolment window, or closes it, whether or not the gateway runs."""

from __future__ import annotations

import time
from pathlib import Path

import click

from darvaz.cli.data_folder import data_opened, data_option
from darvaz.cli.remote import ask, remote_option
from darvaz.cli.verb_options import json_option
from darvaz.client import requests
from darvaz.client.requests import ApiRequest
from darvaz.gateway.access import Enrolment
from darvaz.gateway.access.enrolment import FIRST_START_MINUTES, MINUTES_MAX
from darvaz.text.terminal import visible_json


@click.command()
@click.option(
    "--minutes",
    type=click.FloatRange(0, MINUTES_MAX, min_open=True),
    default=FIRST_START_MINUTES,
    show_default=True,
    help="How long it stays open.",
)
@click.option("--close", is_flag=True, help="Close it now.")
@click.option("--show", is_flag=True, help="Only tell whether it is open.")
@json_option
@data_option
@remote_option
def enrol(minutes: float, close: bool, show: bool, as_json: bool, data: Path, gateway: str | None) -> None:
    """Let new boards fetch their tokens at /public/tokens for some minutes."""
    if gateway is not None:
        found = ask(gateway, requests.close_enrolment() if close else _request(minutes, show))
        seconds_left = found["seconds_left"] if found["is_open"] else 0.0
    else:
        seconds_left = _change_data(data, minutes, close, show)
    _report(seconds_left, as_json)


def _request(minutes: float, show: bool) -> ApiRequest:
    return requests.enrolment() if show else requests.enrol(minutes)


def _change_data(data: Path, minutes: float, close: bool, show: bool) -> float:
    """Opens or closes the window in a data folder; returns how many seconds it is open."""
    with data_opened(data, makes=not show) as connection:
        enrolment = Enrolment(connection, time.time)
        try:
            if close:
                enrolment.close()
            elif not show:
                enrolment.open_for(minutes)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        return enrolment.seconds_left()


def _report(seconds_left: float, as_json: bool) -> None:
    if as_json:
        click.echo(visible_json({"is_open": seconds_left > 0, "seconds_left": seconds_left}))
    elif seconds_left <= 0:
        click.echo("Enrolment is closed.")
    else:
        # A part of a second has passed since it was opened.
        minutes = max(round(seconds_left / 60, 1), 0.1)
        plural = "minute" if minutes == 1 else "minutes"
        click.echo(f"Enrolment is open for {minutes:g} {plural}: boards fetch their tokens at /public/tokens.")
        click.echo("Close it sooner with: darvaz enrol --close")
