"""`darvaz enrol`: opens the enrolment window, or closes it, whether or not the gateway runs."""

from __future__ import annotations

import time
from pathlib import Path

import click

from darvaz.cli.data_folder import data_opened, data_option
from darvaz.cli.remote import ask, remote_option
from darvaz.client import requests
from darvaz.gateway.access import Enrolment
from darvaz.gateway.access.enrolment import FIRST_START_MINUTES, MINUTES_MAX


@click.command()
@click.option(
    "--minutes",
    type=click.FloatRange(0, MINUTES_MAX, min_open=True),
    default=FIRST_START_MINUTES,
    show_default=True,
    help="How long it stays open.",
)
@click.option("--close", is_flag=True, help="Close it now.")
@data_option
@remote_option
def enrol(minutes: float, close: bool, data: Path, gateway: str | None) -> None:
    """Let new boards fetch their tokens at /public/tokens for some minutes."""
    if gateway is not None:
        ask(gateway, requests.close_enrolment() if close else requests.enrol(minutes))
        _report(minutes, close)
        return
    with data_opened(data) as connection:
        enrolment = Enrolment(connection, time.time)
        if close:
            enrolment.close()
            _report(minutes, close)
            return
        try:
            enrolment.open_for(minutes)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    _report(minutes, close)


def _report(minutes: float, is_closed: bool) -> None:
    if is_closed:
        click.echo("Enrolment is closed.")
        return
    click.echo(f"Enrolment is open for {minutes:g} minutes: boards fetch their tokens at /public/tokens.")
    click.echo("Close it sooner with: darvaz enrol --close")
