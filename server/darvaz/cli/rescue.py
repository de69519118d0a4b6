"""`darvaz rescue`: gets a board whose prompt cannot be reached back to its prompt, with all of its files."""

from __future__ import annotations

import click

from darvaz.boards.serial import Prompt
from darvaz.boards.serial.rescue import HELP_WAIT_S, Rescue, Rescued, put_back
from darvaz.cli.boards import explained, port_option
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@port_option
@click.option(
    "--wait",
    "help_wait_s",
    type=click.FloatRange(0, 3600),
    default=HELP_WAIT_S,
    show_default=True,
    help="Seconds to wait for your hand on the board's reset button or plug.",
)
@click.option("--undo", is_flag=True, help="Give the program that was renamed last its old name again.")
@json_option
def rescue(port: str, help_wait_s: float, undo: bool, as_json: bool) -> None:
    """Get a board back to its prompt, and keep all of its files.

    For a program that loops, catches Ctrl-C, starts a watchdog or restarts the board again and again. The program
    that starts by itself gets another name: main.py becomes main.py.rescued-1, and boot.py likewise if needed.
    Nothing is removed. Exit status: 0 when the board is at its prompt, else 1.
    """
    with explained():
        if undo:
            _undo(port, as_json)
        else:
            _show_result(Rescue(port, _show_step, help_wait_s=help_wait_s).run(), as_json)


def _show_step(sentence: str) -> None:
    click.echo(f"… {visible(sentence)}", err=True)


def _show_result(rescued: Rescued, as_json: bool) -> None:
    if as_json:
        files = [entry.path for entry in rescued.files if not entry.is_folder]
        click.echo(visible_json({"port": rescued.port.path, "files": files, "renamed": rescued.set_aside}, indent=2))
        return
    count = sum(not entry.is_folder for entry in rescued.files)
    click.echo(f"The board at {rescued.port.path} is at its prompt; all of its files are there ({count}).")
    for old, new in rescued.set_aside.items():
        click.echo(f"{old} is now {new}: repair it, then `darvaz rescue --undo` gives it its name again.")
    if not rescued.set_aside:
        click.echo("It had no program that starts by itself.")


def _undo(port: str, as_json: bool) -> None:
    with Prompt.open(port) as prompt:
        renamed = put_back(prompt)
    if as_json and renamed:
        click.echo(visible_json({"renamed": dict(renamed)}, indent=2))
        return
    for old, new in renamed:
        click.echo(f"{old} is {new} again; `darvaz reset` starts it.")
    if not renamed:
        raise click.ClickException("no program was renamed here, or there is a new one with its name")
