"""`darvaz new`: a folder for a program of one's own, with tests, and all that editors and CI need."""

from __future__ import annotations

from pathlib import Path

import click

from darvaz.boards.program import ProgramError
from darvaz.boards.program.folder import KINDS
from darvaz.boards.program.new import write_project
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("folder", metavar="NAME", type=click.Path(file_okay=False, path_type=Path))
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True, help="The board it is for.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def new(folder: Path, kind: str, as_json: bool) -> None:
    """Make a folder NAME for a program of your own, to keep in git.

    It has main.py, a test that runs on a virtual board, types for editors, and an example for CI. No file is replaced.
    """
    try:
        files = write_project(folder, kind)
    except ProgramError as error:
        raise click.ClickException(visible(str(error))) from None
    if as_json:
        click.echo(visible_json({"folder": str(folder.absolute()), "kind": kind, "files": files}))
        return
    click.echo(visible(f"{folder} has {len(files)} files: main.py is the program, tests/test_main.py its test."))
    click.echo(visible(f"Next: cd {folder}; pytest; darvaz simulate --app . ; darvaz flash --app ."))
