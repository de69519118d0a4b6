"""The program of `--app FOLDER`, for the verbs that put one on a board."""

from __future__ import annotations

from pathlib import Path

import click

from darvaz.boards.program import Program, ProgramError, read_program
from darvaz.text.terminal import visible


def program_of(folder: Path, kind: str | None = None) -> Program:
    """Returns the program in a folder, for a kind of board if that is given; raises a `ClickException` otherwise."""
    try:
        program = read_program(folder)
        # Before anything else is done: most of what is wrong is wrong here.
        program.files()
    except ProgramError as error:
        raise click.ClickException(visible(str(error))) from None
    if kind is not None and program.kind not in (None, kind):
        raise click.ClickException(
            f"{program.name} is for the kind {program.kind}, not {kind}: change kind in its darvaz.toml"
        )
    return program
