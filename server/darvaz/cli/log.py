"""`darvaz log`: shows the journal, as it is or as it grows."""

from __future__ import annotations

import signal
import sqlite3
import sys
import time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from darvaz.journal_reading import Row, Wanted, describe, newest_id, parse_since, read
from darvaz.store import DATABASE_NAME, StoreError, opened
from darvaz.visible import visible_json

_FOLLOW_EVERY_S = 0.2
_STYLES = {"<": "cyan", ">": "green", "=": "yellow"}


@click.command()
@click.option("--device", help="Only this device.")
@click.option("--kind", help="Only this kind: pico or esp32cam.")
@click.option("--type", "type_", help="Only this type: log, ping, telemetry, connected, refused …")
@click.option("--direction", type=click.Choice(["<", ">", "="]), help="Received, sent, or changes of state.")
@click.option("--since", help="Only what is younger: 30s, 10m, 2h, 7d, or an ISO time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="At most so many lines.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--data", envvar="DARVAZ_DATA", show_envvar=True, default="data", show_default=True, help="Data folder.")
def log(
    device: str | None,
    kind: str | None,
    type_: str | None,
    direction: str | None,
    since: str | None,
    limit: int,
    follow: bool,
    as_json: bool,
    data: str,
) -> None:
    """Show the journal: `<` received, `>` sent, `=` changed. Works with the gateway running or not."""
    wanted = Wanted(device=device, kind=kind, type=type_, direction=direction, since_ms=_since_ms(since))
    folder = Path(data).expanduser()
    if not (folder / DATABASE_NAME).exists():
        raise click.ClickException(f"no journal in {folder}: start the gateway there, or say where it is with --data")
    # Ctrl-C is how following ends, and no failure.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with opened(folder) as connection:
            _show(connection, wanted, limit, follow, as_json)
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever reads has seen enough; Python would complain once more when it closes the output.
        sys.stderr.close()


def _show(connection: sqlite3.Connection, wanted: Wanted, limit: int, follow: bool, as_json: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    rows = read(connection, wanted, limit)
    # Without rows, following starts at the newest row there is, not at the first.
    last_id = rows[-1].id if rows else newest_id(connection)
    _print(console, rows, as_json)
    while follow:
        time.sleep(_FOLLOW_EVERY_S)
        rows = read(connection, msgspec.structs.replace(wanted, after_id=last_id), newest=False)
        _print(console, rows, as_json)
        last_id = rows[-1].id if rows else last_id


def _print(console: Console, rows: list[Row], as_json: bool) -> None:
    for row in rows:
        if as_json:
            click.echo(visible_json(msgspec.structs.asdict(row)))
        else:
            console.print(Text(describe(row), style=_STYLES[row.direction] if console.is_terminal else ""))
    sys.stdout.flush()


def _since_ms(since: str | None) -> int | None:
    try:
        return None if since is None else parse_since(since, time.time())
    except ValueError:
        raise click.BadParameter(f"--since {since}: expected an age such as 10m, 2h, 7d, or an ISO time") from None
