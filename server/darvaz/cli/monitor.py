"""`darvaz monitor`: what a board says on its serial port, until Ctrl-C."""

from __future__ import annotations

import datetime
import sys

import click

from darvaz.boards.serial import Prompt
from darvaz.cli.boards import explained, port_option
from darvaz.text.terminal import visible


@click.command()
@port_option
@click.option("--for", "duration_s", type=click.FloatRange(0, 31_536_000), help="Seconds [default: until Ctrl-C].")
@click.option("--reset", "resets", is_flag=True, help="Start the board again first, to see all of its start.")
@click.option("--times", is_flag=True, help="Begin each line with the time of day.")
def monitor(port: str, duration_s: float | None, resets: bool, times: bool) -> None:
    """Show what a board says on its serial port.

    The board's program goes on. A board that is unplugged or reset is awaited.
    """
    with explained(), Prompt.open(port, enters=False) as prompt:
        click.echo(f"Listening to {prompt.port}; Ctrl-C ends it.", err=True)
        if resets and not prompt.press_reset():
            prompt.enter(restarts=False)
            prompt.hard_reset()
        for line in prompt.read_serial_lines(duration_s):
            click.echo(f"{datetime.datetime.now():%H:%M:%S} {visible(line)}" if times else visible(line))
            sys.stdout.flush()
