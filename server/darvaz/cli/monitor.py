"""`darvaz monitor`: shows what a board prints on its serial port, until Ctrl-C."""

from __future__ import annotations

import datetime
import sys
import time

import click

from darvaz.boards.serial import Prompt
from darvaz.cli.boards import explained, port_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@port_option
@click.option("--for", "duration_s", type=click.FloatRange(0, 31_536_000), help="Seconds [default: until Ctrl-C].")
@click.option("--reset", "resets", is_flag=True, help="Restart the board first, to see its start.")
@click.option("--times", is_flag=True, help="Begin each line with the time of day.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def monitor(port: str, duration_s: float | None, resets: bool, times: bool, as_json: bool) -> None:
    """Show what a board prints on its serial port.

    The board's program keeps running. After an unplug or a reset, it waits for the board.
    """
    with explained(), Prompt.open(port, enters=False) as prompt:
        click.echo(f"Listening to {prompt.port}; Ctrl-C ends it.", err=True)
        if resets and not prompt.press_reset():
            prompt.enter(restarts=False)
            prompt.hard_reset()
        for line in prompt.read_serial_lines(duration_s):
            if as_json:
                click.echo(visible_json({"time": round(time.time(), 3), "line": line}))
            else:
                click.echo(f"{datetime.datetime.now():%H:%M:%S} {visible(line)}" if times else visible(line))
            sys.stdout.flush()
