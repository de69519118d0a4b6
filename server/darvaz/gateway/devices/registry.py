"""The devices that ever connected: kept in memory, and written in the background."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Self

import msgspec

from darvaz.gateway.devices.group_index import GroupIndex
from darvaz.gateway.devices.look_alikes import LookAlikes
from darvaz.gateway.storage.background_writer import BackgroundWriter
from darvaz.gateway.storage.database import path_of, sync_wal, transaction
from darvaz.gateway.storage.shared_database import SharedDatabase, retire
from darvaz.protocol.shared_parts import SharedParts

log = logging.getLogger("darvaz.devices")


class KnownDevice(msgspec.Struct, kw_only=True):
    """What the gateway keeps of one device."""

    id: str
    kind: str
    first_seen_s: float
    last_seen_s: float
    address: str
    introduction: dict[str, Any]
    label: str | None = None
    last_args: dict[str, dict[str, Any]] = {}
    """Command → the arguments that it was last carried out with since the start of the board. Replaced, not changed."""
    groups: tuple[str, ...] = ()
    """The groups that people put it into."""
    hidden_from: tuple[str, ...] = ()
    """The systems that it is not shown to, of `visibility.SYSTEMS`."""
    words: dict[str, Any] = {}
    """What people say of its commands and values (words.py). Replaced, not changed."""
    last_end: int | None = None
    """The close code of its last link, while it is away."""
    started_s: float | None = None
    """Unix time at which the board started; None if its introduction did not tell."""

    @classmethod
    def introduced(cls, device: str, kind: str, address: str, fields: dict[str, Any], now_s: float) -> Self:
        """Returns a device that has just introduced itself with these fields, at this Unix time."""
        started_s = now_s - fields["uptime_ms"] / 1000 if "uptime_ms" in fields else None
        return cls(
            id=device, kind=kind, first_seen_s=now_s, last_seen_s=now_s, address=address, introduction=fields,
            started_s=started_s,
        )  # fmt: skip


DEVICES_MAX = 20_000
_UNKNOWN_TOLD_MAX = 10
# When many devices connect at once, the changes of this time go into one transaction.
GATHER_S = 0.05

_UPSERT = """
    INSERT INTO devices (id, kind, first_seen_s, last_seen_s, address, label, version, board, introduction, last_args,
        groups, hidden_from, words, last_end, started_s)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, last_seen_s = excluded.last_seen_s,
        address = excluded.address, label = excluded.label, version = excluded.version, board = excluded.board,
        introduction = excluded.introduction, last_args = excluded.last_args, groups = excluded.groups,
        hidden_from = excluded.hidden_from, words = excluded.words, last_end = excluded.last_end,
        started_s = excluded.started_s
"""


class Devices:
    """Remembers devices. Reads never touch the disk; changes are written in the background.

    Beyond `devices_max`, the absent device that was not seen for the longest time is forgotten. What waits to be
    written is at most one row a device, however often it changes; rows that the disk did not take are tried again.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        devices_max: int = DEVICES_MAX,
        kinds: Collection[str] | None = None,
        database: SharedDatabase | None = None,
        shared_parts: SharedParts | None = None,
    ) -> None:
        # The writer's.
        self._connection = connection
        self._database = database
        self._devices_max = devices_max
        # Of introductions, those of the database too.
        self.shared_parts = SharedParts() if shared_parts is None else shared_parts
        # By id, the longest known first. Changed by the event loop, read by the writer too.
        self._known = _load(connection, self.shared_parts)
        self._kinds = None if kinds is None else tuple(kinds)
        self._leave_out_unknown()
        self._look_alikes = LookAlikes(self._known)
        # Their ids in order, for pages.
        self._ids = sorted(self._known)
        # The ids of those that have a link now.
        self._connected: set[str] = set()
        self.groups = GroupIndex((known.id, known.groups) for known in self._known.values())
        self._lock = threading.Lock()
        # Under the lock: ids whose rows are not as in the database, whether all are, and the changes since the start.
        self._changed: set[str] = set()
        self._is_all_changed = False
        self._changes = 0
        self.on_dropped: Callable[[str], None] = lambda device: None
        """Is called with each device that is forgotten because there are too many."""
        self.on_given: Callable[[str], None] = lambda device: None
        # Up to which change somebody waits for the disk, and which is on it.
        self._wanted_changes = self._synced_changes = 0
        self._file = path_of(connection)
        self.writer = BackgroundWriter(
            "list of devices",
            write=self._write,
            position=lambda: self._changes,
            sync=self._sync,
            close=lambda: self._connection.close(),
            database=database,
            leave=self._leave,
            gather_s=GATHER_S,
        )
        self.writer.start()

    def _leave_out_unknown(self) -> None:
        """Leaves out devices of a kind that this version does not know; their rows stay for the one that does."""
        unknown = [known for known in self._known.values() if self._kinds is not None and known.kind not in self._kinds]
        for known in unknown:
            del self._known[known.id]
        for known in unknown[:_UNKNOWN_TOLD_MAX]:
            log.warning("= device %s is of an unknown kind, %s: it is left out", known.id, known.kind)
        if len(unknown) > _UNKNOWN_TOLD_MAX:
            log.warning("= %d more devices are of unknown kinds", len(unknown) - _UNKNOWN_TOLD_MAX)

    def get(self, device: str) -> KnownDevice | None:
        return self._known.get(device)

    def all(self) -> list[KnownDevice]:
        """Returns every device, the one that connected first first."""
        return list(self._known.values())

    def look_alike_of(self, device: str) -> str | None:
        """Returns a known device whose id looks like one that is not known, or None."""
        return None if device in self._known else self._look_alikes.find(device, self._known)

    def after(self, device: str) -> list[str]:
        """Returns the ids that come after this one in their order, whether or not it is known; "" is before all."""
        return self._ids[bisect_right(self._ids, device) :]

    def remember(self, known: KnownDevice, is_here: bool = True) -> None:
        """Keeps the introduction of a device, which is connected to this gateway or elsewhere; what was given stays."""
        before = self._known.get(known.id)
        if before is None:
            insort(self._ids, known.id)
            self._look_alikes.add(known.id)
            self.groups.move(known.id, (), known.groups)
        else:
            known.first_seen_s, known.label = before.first_seen_s, before.label
            known.groups, known.hidden_from, known.words = before.groups, before.hidden_from, before.words
            if is_same_start(before.introduction, known.introduction):
                known.last_args = before.last_args
                known.started_s = known.started_s or before.started_s
        self._known[known.id] = known
        if is_here:
            self._connected.add(known.id)
        if len(self._known) > self._devices_max:
            self._forget_one()
        self._note_change(known.id)

    def mark_seen(self, device: str, now_s: float, end: int | None = None) -> None:
        """Notes the Unix time at which a device disconnected, and with which close code."""
        known = self._known[device]
        known.last_seen_s, known.last_end = now_s, end
        self._connected.discard(device)
        self._note_change(device)

    def label(self, device: str, label: str | None) -> bool:
        """Sets or removes the label of a device; returns whether there is such a device."""
        return self._set(device, label=label)

    def put_into(self, device: str, groups: Sequence[str]) -> bool:
        """Sets the groups of a device; returns whether there is such a device."""
        return self._set(device, groups=tuple(groups))

    def hide(self, device: str, systems: Sequence[str]) -> bool:
        """Sets from which systems a device is hidden; returns whether there is such a device."""
        return self._set(device, hidden_from=tuple(systems))

    def keep_words(self, device: str, words: dict[str, Any]) -> bool:
        """Sets what is said of the commands and values of a device; returns whether there is such a device."""
        return self._set(device, words=words)

    def _set(self, device: str, **fields: Any) -> bool:
        if is_known := self.give(device, **fields):
            self.on_given(device)
        return is_known

    def give(self, device: str, **fields: Any) -> bool:
        """Sets fields of a device as another gateway has them; returns whether there is such a device."""
        known = self._known.get(device)
        if known is None:
            return False
        if "groups" in fields:
            self.groups.move(device, known.groups, fields["groups"])
        for name, value in fields.items():
            setattr(known, name, value)
        self._note_change(device)
        return True

    def keep_args(self, device: str, name: str, values: dict[str, Any]) -> None:
        """Notes the arguments of a command that a device carried out; earlier ones that it lacks stay."""
        known = self._known.get(device)
        if known is not None and values:
            known.last_args = {**known.last_args, name: {**known.last_args.get(name, {}), **values}}
            self._note_change(device)

    def forget(self, device: str) -> None:
        """Forgets a device, if it is known."""
        self._connected.discard(device)
        if device in self._known:
            self._remove(device)

    def wait_until_stored(self, deadline_s: float) -> Coroutine[Any, Any, bool]:
        """Waits until every change so far survives a power cut; False after the deadline, or if the disk fails."""
        wanted = self._changes
        if self._synced_changes >= wanted:
            # What nobody has changed is written.
            return self.writer.wait_until_written(0, deadline_s)
        self._wanted_changes = wanted
        # Also if it is written: it may not be synced yet.
        self._note_change(None)
        return self.writer.wait_until_written(self._changes, deadline_s)

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits and closes the database; says whether all of it was written in time."""
        return self.writer.close(timeout_s)

    def _forget_one(self) -> None:
        absent = [known for known in self._known.values() if known.id not in self._connected]
        if absent:
            oldest = min(absent, key=lambda known: known.last_seen_s).id
            self._remove(oldest)
            self.on_dropped(oldest)

    def _remove(self, device: str) -> None:
        self.groups.move(device, self._known.pop(device).groups, ())
        self._look_alikes.remove(device)
        del self._ids[bisect_left(self._ids, device)]
        self._note_change(device)

    def _note_change(self, device: str | None) -> None:
        with self._lock:
            self._changes += 1
            if device is not None:
                self._changed.add(device)
            if len(self._changed) > 2 * self._devices_max:
                # While a disk fails, devices may come and be forgotten without end.
                self._changed.clear()
                self._is_all_changed = True
        self.writer.wake()

    def rescue(self, fresh: sqlite3.Connection, lacking: Sequence[str]) -> None:
        """Has all devices written into the file that takes the place of a damaged one; from any thread."""
        if "devices" in lacking:
            with self._lock:
                self._is_all_changed = True
            self._note_change(None)

    # The writer's thread

    def _leave(self) -> None:
        assert self._database is not None
        retire(self._connection)
        self._connection = self._database.open()

    def _write(self) -> int:
        """Writes the rows that changed and returns how many changes are written."""
        with self._lock:
            position, is_all = self._changes, self._is_all_changed
            changed, self._changed, self._is_all_changed = self._changed, set(), False
        if not changed and not is_all:
            return position
        try:
            with transaction(self._connection):
                if is_all:
                    self._delete_all()
                    changed = set(self._known)
                for device in changed:
                    self._write_row(device)
        except BaseException:
            with self._lock:
                self._changed |= changed
                self._is_all_changed |= is_all
            raise
        return position

    def _sync(self) -> None:
        """Makes durable what somebody waits for; presence alone is not worth the wear."""
        wanted = self._wanted_changes
        if self._synced_changes < wanted:
            sync_wal(self._file)
            self._synced_changes = wanted

    def _delete_all(self) -> None:
        """Deletes all rows but those of unknown kinds."""
        if self._kinds is None:
            self._connection.execute("DELETE FROM devices")
        for kind in self._kinds or ():
            self._connection.execute("DELETE FROM devices WHERE kind = ?", (kind,))

    def _write_row(self, device: str) -> None:
        known = self._known.get(device)
        if known is None:
            self._connection.execute("DELETE FROM devices WHERE id = ?", (device,))
            return
        fields = known.introduction
        times = (known.first_seen_s, known.last_seen_s)
        board = (fields.get("version"), fields.get("board"), msgspec.json.encode(fields).decode())
        kept = (known.last_args, known.groups, known.hidden_from, known.words)
        more = [*(msgspec.json.encode(part).decode() for part in kept), known.last_end, known.started_s]
        row = (known.id, known.kind, *times, known.address, known.label, *board, *more)
        self._connection.execute(_UPSERT, row)


def is_same_start(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Returns whether two introductions are of the same start; a board that does not tell may have started again."""
    boot_id = after.get("boot_id")
    return boot_id is not None and before.get("boot_id") == boot_id


def _load(connection: sqlite3.Connection, shared: SharedParts) -> dict[str, KnownDevice]:
    rows = connection.execute(
        "SELECT id, kind, first_seen_s, last_seen_s, address, introduction, label, last_args, groups,"
        " hidden_from, words, last_end, started_s FROM devices ORDER BY first_seen_s"
    )
    return {row[0]: _known_of(row, shared) for row in rows}


def _known_of(row: tuple[Any, ...], shared: SharedParts) -> KnownDevice:
    device, kind, first_s, last_s, address, introduction, label, *texts, last_end, started_s = row
    last_args, groups, hidden_from, words = (json.loads(text) for text in texts)
    return KnownDevice(
        id=device, kind=kind, first_seen_s=first_s, last_seen_s=last_s, address=address,
        introduction=shared.share(json.loads(introduction or "{}")), label=label, last_args=last_args,
        groups=tuple(groups), hidden_from=tuple(hidden_from), words=words, last_end=last_end, started_s=started_s,
    )  # fmt: skip
