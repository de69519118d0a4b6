"""`darvaz log`: shows the journal, once or as it grows."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from darvaz.cli.data_folder import data_opened, data_option
from darvaz.cli.remote import client_of, remote_option
from darvaz.client import requests
from darvaz.gateway.journal.queries import JournalFilter, Row, describe, parse_since
from darvaz.text.terminal import visible_json

# What takes long to load is imported where it is needed.
if TYPE_CHECKING:
    from darvaz.client.synchronous import Gateway
    from darvaz.client.types import JournalEntry
    from darvaz.gateway.journal.offline import OfflineJournal

_FOLLOW_EVERY_S = 0.2
_FOLLOW_REMOTE_EVERY_S = 1.0
_PAGE_ROWS = 1_000
_COLOURS = {"<": "cyan", ">": "green", "=": "yellow"}


@click.command()
@click.option("--device", help="Only this device.")
@click.option("--kind", help="Only this kind: pico or esp32cam.")
@click.option("--type", "type_", help="Only this type: log, ping, telemetry, connected, refused …")
@click.option("--direction", type=click.Choice(["<", ">", "="]), help="Received, sent, or changes of state.")
@click.option("--since", help="Only entries after this: 30s, 10m, 2h, 7d ago, or an ISO time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Lines at most.")
@click.option("--follow", "-f", is_flag=True, help="Show new entries as they arrive, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@data_option
@remote_option
def log(
    device: str | None,
    kind: str | None,
    type_: str | None,
    direction: str | None,
    since: str | None,
    limit: int,
    follow: bool,
    as_json: bool,
    data: Path,
    gateway: str | None,
) -> None:
    """Show the journal: `<` received, `>` sent, `=` changed. Works with the gateway running or not.

    With --gateway: the journal of a running gateway, also on another machine.
    """
    wanted = JournalFilter(device=device, kind=kind, type=type_, direction=direction, since_ms=_since_ms(since))
    if gateway is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _show_remote(gateway, wanted, limit, follow, as_json)
        return
    from darvaz.gateway.journal.offline import OfflineJournal

    try:
        with data_opened(data, makes=False) as connection:
            # Ctrl-C is how following ends, so it is not a failure.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _show(OfflineJournal(data, connection), wanted, limit, follow, as_json)
    except KeyboardInterrupt:
        sys.stderr.close()


def _show(journal: OfflineJournal, wanted: JournalFilter, limit: int, follow: bool, as_json: bool) -> None:
    rows = journal.read(wanted, limit)
    # Without a match, following starts after the newest row, not at the first.
    last_id = rows[-1].id if rows else journal.newest_id()
    _print(rows, as_json)
    while follow:
        time.sleep(_FOLLOW_EVERY_S)
        rows = journal.read(msgspec.structs.replace(wanted, after_id=last_id), _PAGE_ROWS, newest=False)
        _print(rows, as_json)
        last_id = rows[-1].id if rows else last_id


def _show_remote(gateway: str, wanted: JournalFilter, limit: int, follow: bool, as_json: bool) -> None:
    with contextlib.suppress(KeyboardInterrupt), client_of(gateway) as client:
        rows = _newest(client, wanted, limit)
        _print(rows, as_json)
        last_id = max((row.id for row in rows or _page(client, JournalFilter(), limit=1)), default=0)
        while follow:
            time.sleep(_FOLLOW_REMOTE_EVERY_S)
            rows = _page(client, wanted, after=last_id, limit=_PAGE_ROWS)
            _print(rows, as_json)
            last_id = rows[-1].id if rows else last_id


def _newest(client: Gateway, wanted: JournalFilter, limit: int) -> list[Row]:
    """Returns the newest rows in order of time, from several pages if needed."""
    rows: list[Row] = []
    while len(rows) < limit:
        before = {"before": rows[0].id} if rows else {}
        page = _page(client, wanted, limit=min(_PAGE_ROWS, limit - len(rows)), **before)
        rows = page + rows
        if not page:
            break
    return rows


def _page(client: Gateway, wanted: JournalFilter, **numbers: int) -> list[Row]:
    filters: dict[str, Any] = {name: getattr(wanted, name) for name in ("device", "kind", "type", "direction")}
    since_s = None if wanted.since_ms is None else wanted.since_ms / 1000
    return [_row(row) for row in client.ask(requests.journal(from_=since_s, **filters, **numbers))]


def _row(row: JournalEntry) -> Row:
    # Gateways before 0.1 tell only when they heard of an entry.
    happened_ms = round(row.get("happened", row["time"]) * 1000)
    return msgspec.convert({**row, "time_ms": round(row["time"] * 1000), "happened_ms": happened_ms}, Row)


def _print(rows: list[Row], as_json: bool) -> None:
    is_plain = bool(os.environ.get("NO_COLOR"))
    for row in rows:
        if as_json:
            click.echo(visible_json(msgspec.structs.asdict(row)))
        else:
            # In a pipe, click leaves the colour out.
            click.echo(click.style(describe(row), fg=None if is_plain else _COLOURS[row.direction]))
    sys.stdout.flush()


def _since_ms(since: str | None) -> int | None:
    try:
        return None if since is None else parse_since(since, time.time())
    except ValueError:
        raise click.BadParameter(f"--since {since}: expected an age such as 10m, 2h, 7d, or an ISO time") from None
