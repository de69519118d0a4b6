"""The devices that were ever here: kept in memory for the event loop, written behind it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import msgspec


class Known(msgspec.Struct, kw_only=True):
    """What the gateway remembers of one device."""

    id: str
    kind: str
    first_seen_s: float
    last_seen_s: float
    address: str
    introduction: dict[str, Any]
    label: str | None = None

    @classmethod
    def introduced(cls, device: str, kind: str, address: str, said: dict[str, Any], now_s: float) -> Self:
        """Returns a device as it has just introduced itself."""
        return cls(id=device, kind=kind, first_seen_s=now_s, last_seen_s=now_s, address=address, introduction=said)


_UPSERT = """
    INSERT INTO devices (id, kind, first_seen_s, last_seen_s, address, version, board, introduction)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, last_seen_s = excluded.last_seen_s,
        address = excluded.address, version = excluded.version, board = excluded.board,
        introduction = excluded.introduction
"""


class Devices:
    """Remembers devices. Reads never touch the disk; writes are done by one thread, in order.

    `report` is told a sentence when a write fails: the memory stays right, only the disk is behind.
    """

    def __init__(self, connection: sqlite3.Connection, report: Callable[[str], None]) -> None:
        self._connection = connection
        self._report = report
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="devices")
        self._known = {known.id: known for known in _load(connection)}

    def get(self, device: str) -> Known | None:
        return self._known.get(device)

    def all(self) -> list[Known]:
        """Returns every device, the longest known first."""
        return list(self._known.values())

    def remember(self, known: Known) -> None:
        """Keeps what a device said of itself; when it was first seen stays."""
        before = self._known.get(known.id)
        if before is not None:
            known.first_seen_s, known.label = before.first_seen_s, before.label
        self._known[known.id] = known
        said = known.introduction
        self._write(
            _UPSERT,
            (
                known.id,
                known.kind,
                known.first_seen_s,
                known.last_seen_s,
                known.address,
                said.get("version"),
                said.get("board"),
                json.dumps(said),
            ),
        )

    def saw(self, device: str, now_s: float) -> None:
        """Notes when a device was last here."""
        self._known[device].last_seen_s = now_s
        self._write("UPDATE devices SET last_seen_s = ? WHERE id = ?", (now_s, device))

    def close(self) -> None:
        """Waits until everything is written, and closes the database."""
        self._writer.shutdown()
        self._connection.close()

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        self._writer.submit(self._execute, statement, values)

    def _execute(self, statement: str, values: tuple[Any, ...]) -> None:
        try:
            self._connection.execute(statement, values)
        except sqlite3.Error as error:
            self._report(f"the list of devices could not be written: {error}")


def _load(connection: sqlite3.Connection) -> list[Known]:
    rows = connection.execute(
        "SELECT id, kind, first_seen_s, last_seen_s, address, introduction, label FROM devices ORDER BY first_seen_s"
    )
    return [
        Known(
            id=device,
            kind=kind,
            first_seen_s=first_s,
            last_seen_s=last_s,
            address=address,
            introduction=json.loads(said or "{}"),
            label=label,
        )
        for device, kind, first_s, last_s, address, said, label in rows
    ]
