"""What the journal of a gateway says, read from its data folder as `darvaz log` does."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from darvaz.gateway.journal.offline import OfflineJournal
from darvaz.gateway.journal.queries import ROWS_MAX, JournalFilter

_DEADLINE_S = 15.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Line:
    """One row of the journal."""

    device: str | None
    kind: str | None
    address: str | None
    direction: str
    type: str
    payload: str | None


def lines(data: Path) -> list[Line]:
    """Returns the whole journal, oldest first."""
    with closing(sqlite3.connect(f"file:{data / 'darvaz.sqlite3'}?mode=ro", uri=True)) as connection:
        rows = OfflineJournal(data, connection).read(JournalFilter(), ROWS_MAX)
    return [Line(row.device, row.kind, row.address, row.direction, row.type, row.payload) for row in rows]


def wait_for_line(data: Path, count: int = 1, **wanted: str) -> list[Line]:
    """Waits until `count` lines have the wanted columns and returns them; fails with the journal if never."""
    deadline_s = time.monotonic() + _DEADLINE_S
    while True:
        everything = lines(data)
        found = [line for line in everything if wanted.items() <= vars(line).items()]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline_s, f"no {wanted} in {everything}"
        time.sleep(_POLL_S)
