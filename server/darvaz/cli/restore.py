"""`darvaz restore`: makes a data folder what it was when a backup was made."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from darvaz.cli.data_folder import data_option
from darvaz.cli.transfer import STREAM, copying, describe
from darvaz.text.terminal import visible_json


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace all that the data folder has.")
@click.option("--json", "as_json", is_flag=True, help="Print what was restored as JSON.")
@data_option
def restore(file: Path, force: bool, as_json: bool, data: Path) -> None:
    """Put the backup FILE into the data folder, which no gateway uses meanwhile.

    FILE is checked first: if it is not whole, nothing is changed. Tokens that were revoked since the backup are valid
    again: see `darvaz token list`. With - for FILE it comes from standard input, as into a container.
    """
    from darvaz.gateway.storage.database import DATABASE_NAME
    from darvaz.gateway.storage.restore import restore_backup
    from darvaz.gateway.storage.schema import MIGRATIONS
    from darvaz.gateway.telemetry.history_schema import DATABASE_NAME as HISTORY_NAME
    from darvaz.gateway.telemetry.history_schema import MIGRATIONS as HISTORY_MIGRATIONS

    known = {DATABASE_NAME: len(MIGRATIONS), HISTORY_NAME: len(HISTORY_MIGRATIONS)}
    folder = data.expanduser()
    stream = sys.stdin.buffer if file == STREAM else None
    with copying("checked") as progress:
        found = restore_backup(file, folder, known=known, replace=force, progress=progress, stream=stream)
    if as_json:
        click.echo(visible_json(describe(file, found), indent=2))
    else:
        click.echo(f"{folder}: {len(found.files)} files restored. Start: darvaz serve --data {folder}")
