"""What `darvaz cluster import` does: opens the data folder as its gateway would, and brings it into the cluster."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from darvaz.gateway.app import build_parts
from darvaz.gateway.last_writes import close_writers
from darvaz.gateway.parts import Parts
from darvaz.gateway.settings import Settings, SettingsError
from darvaz.gateway.storage.database import DATABASE_NAME, StorageError
from darvaz.gateway.storage.folder_lock import FolderLock
from darvaz.text.extras import how_to_install


async def carry_out(settings: Settings, *, merges: bool) -> dict[str, Any]:
    """Returns what was imported; whatever keeps it from that ends the command with a sentence."""
    if not (settings.data_path / DATABASE_NAME).exists():
        raise click.ClickException(f"no data in {settings.data_path}: name the folder of the gateway with --data")
    if importlib.util.find_spec("nats") is None:
        raise click.ClickException(f"this needs more packages: {how_to_install('cluster')}")
    try:
        lock = FolderLock.take(settings.data_path)
        parts = build_parts(settings)
    except (StorageError, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    try:
        return await _with_writers(parts, merges=merges)
    finally:
        if lock is not None:
            lock.release()


async def _with_writers(parts: Parts, *, merges: bool) -> dict[str, Any]:
    from darvaz.gateway.cluster.connection import ClusterError
    from darvaz.gateway.cluster.importing import ClusterImport, ImportRefusedError
    from darvaz.gateway.cluster.options import ClusterOptions

    parts.tables.start()
    parts.journal.open()
    parts.history.open()
    parts.recorder.start()
    console = Console(stderr=True)
    columns = (TextColumn("entries of the journal"), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=None)
            made = ClusterImport(parts, ClusterOptions.of(parts.settings))
            done = await made.run(merges=merges, tell=lambda sent, total: bar.update(task, completed=sent, total=total))
        return asdict(done)
    except (ClusterError, ImportRefusedError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        await asyncio.to_thread(close_writers, parts)
