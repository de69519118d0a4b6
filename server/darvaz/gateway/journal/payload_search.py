"""Searches of the journal by what no index knows: text within messages, and levels of lines of logs."""

from __future__ import annotations

import sqlite3
from itertools import islice
from typing import Any

import msgspec

from darvaz.gateway.journal.batches import fields_of
from darvaz.gateway.journal.queries import JournalFilter, Row, batches_of, matches

# Entries that one search reads: some tenths of a second, in a thread.
SEARCHED_ENTRIES = 100_000
_USUAL_LEVEL = "info"
# The only entries that have levels.
_LOG = "log"


class PayloadFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What entries must also have; None allows anything."""

    text: str | None = None
    """What type, device, address or message must contain, whatever its case."""
    levels: tuple[str, ...] | None = None
    """The levels of lines of logs; other entries have none."""

    @property
    def is_given(self) -> bool:
        return self.text is not None or self.levels is not None

    def lets(self, row: Row) -> bool:
        """Returns whether a row has what is wanted."""
        has_level = self.levels is None or _level_of(row) in self.levels
        return has_level and (self.text is None or _contains(row, self.text.casefold()))


def find(
    connection: sqlite3.Connection, filter_: JournalFilter, wanted: PayloadFilter, limit: int, *, newest: bool
) -> tuple[list[Row], int | None]:
    """Returns the newest or the oldest rows that match, in order of time, and the id at which the search stopped.

    It stops after `SEARCHED_ENTRIES` entries, so that each call takes a bounded time; the rest is behind that id. None:
    it stopped because the rows are enough, or at the end.
    """
    rows: list[Row] = []
    searched = 0
    if wanted.levels is not None and filter_.type is None:
        filter_ = msgspec.structs.replace(filter_, type=_LOG)
    for batch in batches_of(connection, filter_, newest=newest):
        for entry_id, group in batch.groups:
            found = [Row(number, *fields) for number, fields in enumerate(fields_of(group), entry_id)]
            fitting = [row for row in found if matches(row, filter_) and wanted.lets(row)]
            rows += islice(reversed(fitting) if newest else fitting, limit - len(rows))
        searched += batch.read_entries
        if len(rows) >= limit or searched >= SEARCHED_ENTRIES:
            stopped = None if len(rows) >= limit else batch.first_id if newest else batch.last_id
            return rows[::-1] if newest else rows, stopped
    return rows[::-1] if newest else rows, None


class _LogLevel(msgspec.Struct):
    """The level of a log message."""

    level: Any = _USUAL_LEVEL


def _level_of(row: Row) -> str | None:
    """Returns the level of a line of a log, None of other entries."""
    if row.type != _LOG:
        return None
    try:
        level = msgspec.json.decode(row.payload, type=_LogLevel).level
    except (msgspec.MsgspecError, UnicodeError):
        return _USUAL_LEVEL
    return level if isinstance(level, str) else _USUAL_LEVEL


def _contains(row: Row, wanted: str) -> bool:
    names = f"{row.type} {row.device or ''} {row.address or ''} "
    if wanted in (names + row.payload).casefold():
        return True
    if "\\u" not in row.payload:
        return False
    try:
        # JSON may have any character as an escape.
        return wanted in msgspec.json.encode(msgspec.json.decode(row.payload)).decode().casefold()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
