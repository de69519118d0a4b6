"""`darvaz reset`: starts a board again."""

from __future__ import annotations

import click

from darvaz.boards.serial import Prompt
from darvaz.cli.boards import explained, port_option


@click.command()
@port_option
def reset(port: str) -> None:
    """Start a board again, as its reset button does.

    Through the lines of its programmer where it has one, else from its prompt.
    """
    with explained(), Prompt.open(port, enters=False) as prompt:
        if not prompt.press_reset():
            prompt.enter(restarts=False)
            prompt.hard_reset()
        click.echo(f"The board at {prompt.port.path} starts again.")
