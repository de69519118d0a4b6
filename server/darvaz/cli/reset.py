"""`darvaz reset`: restarts a board."""

from __future__ import annotations

import click

from darvaz.boards.serial import Prompt
from darvaz.cli.boards import explained, port_option
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible_json


@click.command()
@json_option
@port_option
def reset(as_json: bool, port: str) -> None:
    """Restart a board, as its reset button does.

    Through the lines of its programmer if it has one, else from its prompt.
    """
    with explained(), Prompt.open(port, enters=False) as prompt:
        if not prompt.press_reset():
            prompt.enter(restarts=False)
            prompt.hard_reset()
        path = prompt.port.path
        click.echo(visible_json({"port": path}) if as_json else f"The board at {path} restarts.")
