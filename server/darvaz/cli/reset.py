"""`darvaz reset`: restarts a board."""

from __future__ import annotations

import click

from darvaz.boards.serial import Prompt
from darvaz.cli.boards import explained, port_option


@click.command()
@port_option
def reset(port: str) -> None:
    """Restart a board, as its reset button does.

    Through the lines of its programmer if it has one, else from its prompt.
    """
    with explained(), Prompt.open(port, enters=False) as prompt:
        if not prompt.press_reset():
            prompt.enter(restarts=False)
            prompt.hard_reset()
        click.echo(f"The board at {prompt.port.path} restarts.")
