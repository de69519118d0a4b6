"""`darvaz erase`: removes the files of a board, if --confirm is given."""

from __future__ import annotations

import sys

import click

from darvaz.cli.boards import port_option, stopped
from darvaz.cli.exit_codes import ExitCode
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@port_option
@click.option("--confirm", is_flag=True, help="Remove them; without it, only list what would be removed.")
@json_option
def erase(port: str, confirm: bool, as_json: bool) -> None:
    """Remove all files of a board; MicroPython itself stays, and so does what is on a mounted card.

    Exit status: 0 when they are removed, 2 when --confirm was missing.
    """
    with stopped(port) as prompt:
        entries = [entry for entry in prompt.list_files() if entry.path.count("/") == 1]
        odd = [entry for entry in entries if entry.is_odd]
        entries = [entry for entry in entries if not entry.is_odd]
        for entry in odd:
            click.echo(f"left {visible(entry.path)}: its name is not UTF-8", err=as_json)
        for entry in entries:
            if confirm:
                prompt.remove(entry.path)
            if not as_json:
                click.echo(f"{'removed' if confirm else 'would remove'} {visible(entry.path)}{'/' * entry.is_folder}")
        if as_json:
            click.echo(visible_json({"paths": [entry.path for entry in entries], "removed": confirm}, indent=2))
        elif confirm:
            click.echo(
                f"The files of the board at {prompt.port.path} are gone. If it had a token: darvaz token revoke."
            )
    if not confirm:
        click.echo("Nothing was removed. To do it: darvaz erase --confirm, or make erase CONFIRM=yes.", err=True)
        sys.exit(ExitCode.WRONG_USE)
