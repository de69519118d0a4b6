"""The devices that were ever here: kept in memory for the event loop, written behind it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import msgspec

from darvaz.gateway.storage.database import transaction


class KnownDevice(msgspec.Struct, kw_only=True):
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


DEVICES_MAX = 20_000
# When a whole house comes back, so much of it goes into one transaction; the journal takes twice as long.
GATHER_S = 0.05

_UPSERT = """
    INSERT INTO devices (id, kind, first_seen_s, last_seen_s, address, label, version, board, introduction)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, last_seen_s = excluded.last_seen_s,
        address = excluded.address, label = excluded.label, version = excluded.version, board = excluded.board,
        introduction = excluded.introduction
"""


class Devices:
    """Remembers devices. Reads never touch the disk; writes are done behind them, by one thread.

    Beyond `devices_max`, the absent device that was not seen for the longest time is forgotten. What
    waits to be written is at most one row a device, however often it changes; rows that the disk did
    not take are tried again with the next. `report` is told the first failure of a row of them.
    """

    def __init__(
        self, connection: sqlite3.Connection, report: Callable[[str], None], devices_max: int = DEVICES_MAX
    ) -> None:
        self._connection = connection
        self._report = report
        self._devices_max = devices_max
        self._known = {known.id: known for known in _load(connection)}
        self._present: set[str] = set()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="devices")
        self._lock = threading.Lock()
        self._behind: set[str] = set()
        self._is_queued = False
        self._has_failed = False
        self._is_closed = False
        self._closing = threading.Event()

    def get(self, device: str) -> KnownDevice | None:
        return self._known.get(device)

    def all(self) -> list[KnownDevice]:
        """Returns every device, the longest known first."""
        return list(self._known.values())

    def remember(self, known: KnownDevice) -> None:
        """Keeps what a device that is here said of itself; when it was first seen stays."""
        before = self._known.get(known.id)
        if before is not None:
            known.first_seen_s, known.label = before.first_seen_s, before.label
        self._known[known.id] = known
        self._present.add(known.id)
        if len(self._known) > self._devices_max:
            self._forget_one()
        self._write(known.id)

    def saw(self, device: str, now_s: float) -> None:
        """Notes when a device was last here."""
        self._known[device].last_seen_s = now_s
        self._present.discard(device)
        self._write(device)

    def label(self, device: str, label: str | None) -> bool:
        """Gives a device a name for people, or takes it away; returns whether there is such a device."""
        known = self._known.get(device)
        if known is None:
            return False
        known.label = label
        self._write(device)
        return True

    def forget(self, device: str) -> None:
        """Forgets a device, if it is known."""
        self._present.discard(device)
        if self._known.pop(device, None) is not None:
            self._write(device)

    def close(self) -> None:
        """Waits until everything is written, and closes the database; what comes later is not written."""
        if self._is_closed:
            return
        self._is_closed = True
        self._closing.set()
        self._writer.shutdown()
        if self._behind:
            self._flush()
        self._connection.close()

    def _forget_one(self) -> None:
        absent = [known for known in self._known.values() if known.id not in self._present]
        if absent:
            oldest = min(absent, key=lambda known: known.last_seen_s)
            del self._known[oldest.id]
            self._write(oldest.id)

    def _write(self, device: str) -> None:
        with self._lock:
            self._behind.add(device)
            is_queued, self._is_queued = self._is_queued, True
        if not is_queued and not self._is_closed:
            self._writer.submit(self._gather)

    # The writer's thread

    def _gather(self) -> None:
        self._closing.wait(GATHER_S)
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            behind, self._behind, self._is_queued = self._behind, set(), False
        try:
            with transaction(self._connection):
                for device in behind:
                    self._write_row(device)
        except sqlite3.Error as error:
            with self._lock:
                self._behind |= behind
            if not self._has_failed:
                self._report(f"the list of devices could not be written: {error}")
            self._has_failed = True
        else:
            self._has_failed = False

    def _write_row(self, device: str) -> None:
        known = self._known.get(device)
        if known is None:
            self._connection.execute("DELETE FROM devices WHERE id = ?", (device,))
            return
        said = known.introduction
        times = (known.first_seen_s, known.last_seen_s)
        board = (said.get("version"), said.get("board"), msgspec.json.encode(said).decode())
        row = (known.id, known.kind, *times, known.address, known.label, *board)
        self._connection.execute(_UPSERT, row)


def _load(connection: sqlite3.Connection) -> list[KnownDevice]:
    rows = connection.execute(
        "SELECT id, kind, first_seen_s, last_seen_s, address, introduction, label FROM devices ORDER BY first_seen_s"
    )
    return [
        KnownDevice(
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
