"""What `darvaz backup` and `darvaz restore` share: progress, errors, and the description of a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from darvaz.cli.tables import iso

if TYPE_CHECKING:
    from darvaz.gateway.storage.backup_format import BackupList


@contextmanager
def copying(verb: str) -> Iterator[Callable[[int, int], None]]:
    """Shows on a terminal how much is done; an error of the storage ends the command with a sentence."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from darvaz.gateway.storage.database import StorageError

    console = Console(stderr=True)
    columns = (TextColumn(verb), BarColumn(), DownloadColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(verb, total=None)
            yield lambda done_bytes, total_bytes: bar.update(task, completed=done_bytes, total=total_bytes)
    except StorageError as error:
        raise click.ClickException(str(error)) from None


# Standard output or input, in place of a file.
STREAM = Path("-")


def describe(file: Path, found: BackupList) -> dict[str, Any]:
    """Returns a backup as JSON shows it; of a stream, the bytes of its files."""
    return {
        "file": str(file),
        "bytes": sum(entry.size for entry in found.files.values()) if file == STREAM else file.stat().st_size,
        "made": iso(found.made_s),
        "darvaz": found.darvaz,
        "files": {name: entry.size for name, entry in found.files.items()},
    }
