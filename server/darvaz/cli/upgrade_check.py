"""`darvaz upgrade-check`: says what this version will do to the data, and whether there is a way back."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from darvaz import __version__
from darvaz.cli.data_folder import data_option
from darvaz.cli.tables import ago
from darvaz.text.terminal import visible, visible_json

if TYPE_CHECKING:
    from darvaz.gateway.storage.upgrade import UpgradeState

NOT_READY = 1


@click.command(name="upgrade-check")
@click.option("--backup", type=click.Path(path_type=Path), help="A backup, or the folder with backups.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_option
def upgrade_check(backup: Path | None, as_json: bool, data: Path) -> None:
    """Say what the first start of this version does to the data, and whether there is a way back.

    Run it with the new version, before its first start. Nothing is changed. It ends with 1 if something is missing: a
    backup, free space, or a version that is new enough.
    """
    from darvaz.gateway.storage.database import DATABASE_NAME, StorageError
    from darvaz.gateway.storage.schema import MIGRATIONS
    from darvaz.gateway.storage.upgrade import archives_in, examine
    from darvaz.gateway.telemetry.history_schema import DATABASE_NAME as HISTORY_NAME
    from darvaz.gateway.telemetry.history_schema import MIGRATIONS as HISTORY_MIGRATIONS

    known = {DATABASE_NAME: len(MIGRATIONS), HISTORY_NAME: len(HISTORY_MIGRATIONS)}
    folder = data.expanduser()
    beside = [folder.absolute().parent, Path.cwd()]
    files = [backup] if backup is not None and backup.is_file() else archives_in(beside if backup is None else [backup])
    try:
        state = examine(folder, known, files)
    except StorageError as error:
        raise click.ClickException(str(error)) from None
    missing = list(_missing(state, folder))
    if as_json:
        click.echo(visible_json(_as_json(state, missing), indent=2))
    else:
        for line in (*_sentences(state, folder, time.time()), *missing):
            click.echo(visible(line))
        if not missing:
            click.echo("Ready.")
    sys.exit(NOT_READY if missing else 0)


def _sentences(state: UpgradeState, folder: Path, unix_s: float) -> Iterator[str]:
    """Yields what the start will do, a sentence each."""
    yield f"Darvaz {__version__}, data in {folder}"
    for database in state.databases:
        size = f"{database.size_bytes / 1e6:.1f} MB"
        what = f"changes {database.steps} time(s), from version {database.version}" if database.steps > 0 else "stays"
        if database.steps < 0:
            what = f"has version {database.version}; this Darvaz knows {database.newest}"
        yield f"{database.name} ({size}): {what}"
    if state.changes:
        yield "The way back is the backup: an earlier Darvaz refuses tables that were changed."
    elif not state.is_newer:
        yield "The tables stay as they are: an earlier Darvaz with the same tables can use them again."
    if state.backup is not None:
        made = ago(state.backup.made_s, unix_s)
        yield f"Newest backup: {state.backup.file}, made {made} by Darvaz {state.backup.darvaz}"
    if state.holder is not None:
        yield f"A gateway uses the data now (process {state.holder}): stop it before the new one starts."


def _missing(state: UpgradeState, folder: Path) -> Iterator[str]:
    """Yields what is to be done first, a sentence each."""
    if state.is_newer:
        yield "Missing: a Darvaz that is new enough. A newer one wrote this data; install that, or restore a backup."
        return
    if state.changes and state.free_bytes < state.needed_bytes:
        yield f"Missing: free space, {state.needed_bytes / 1e6:.0f} MB; there are {state.free_bytes / 1e6:.0f} MB"
    if state.backup is None:
        yield f"Missing: a backup beside the data or named with --backup: darvaz backup FILE.tar --data {folder}"
    elif not state.backup.is_of_these_tables:
        yield f"Missing: a backup of the data as it is; {state.backup.file} is of another version"


def _as_json(state: UpgradeState, missing: list[str]) -> dict[str, object]:
    backup = state.backup
    return {
        "version": __version__,
        "databases": [{**database._asdict(), "steps": database.steps} for database in state.databases],
        "free_bytes": state.free_bytes,
        "needed_bytes": state.needed_bytes,
        "used_by": state.holder,
        "backup": None if backup is None else {**backup._asdict(), "file": str(backup.file)},
        "can_go_back": bool(not state.is_newer and (backup is not None or not state.changes)),
        "missing": missing,
    }
