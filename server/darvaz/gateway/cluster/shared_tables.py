"""Tokens, browser sessions, the enrolment window, releases, rollouts and keys of boards: rows that all gateways have.

Every gateway decides by its own tables in memory, as one by itself does. A change here is written to NATS if nobody
has changed the row meanwhile; otherwise both changes are made one first, by `merging`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection, OutdatedError
from darvaz.gateway.cluster.follower import BucketEntry, Follower
from darvaz.gateway.cluster.merging import NUMBERED_TABLES, TABLES, Row, is_shared, merged, shared_part
from darvaz.gateway.cluster.records import device_of, token_of
from darvaz.gateway.cluster.write_queue import WriteQueue
from darvaz.gateway.long_work import SLICE_S
from darvaz.gateway.parts import Parts
from darvaz.gateway.storage.database import transaction
from darvaz.gateway.storage.row_changes import RowChanges

log = logging.getLogger("darvaz.cluster")

ACCESS_BUCKET = "dv_access"
# Rows that are taken over before the disk has them; the next ones wait.
_ROWS_MAX = 500
# Keys that are read at once.
_KEYS_PAGE = 100
_STORE_DEADLINE_S = 30.0
# How often a row is written again that others have changed, and how long the change of the others is waited for.
_TURNS_MAX = 5
_LOOKS, _LOOK_EVERY_S = 25, 0.01
_ENROLMENT = ("settings", "enrolment_until_s")
_NOTHING: Row = {}
# What decides nothing about who may do what.
_UPDATES = tuple(f"{table}." for table in (*NUMBERED_TABLES, "update_keys"))


class SharedTables:
    """Keeps `TABLES` as those of the other gateways. Used from the event loop only."""

    def __init__(self, parts: Parts, shared: Mapping[str, str] = TABLES) -> None:
        self._parts = parts
        self._tables = parts.tables
        self._shared = shared
        self._changes = RowChanges(parts.tables, shared)
        self._columns = {table: self._read_columns(table) for table in shared}
        self.follower = Follower(ACCESS_BUCKET, self._hear)
        self.writes = WriteQueue[None](self._write)
        # Changes that came and are not taken over yet; no more than the bucket has rows.
        self._inbox: deque[BucketEntry] = deque()
        self._has_come = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        # Key → what the bucket has: the shared part of a row, None after its end; and its revision.
        self._known: dict[str, tuple[Row | None, int]] = {}
        # Key → what was last sent, while it is not known whether NATS has it: it comes back, and may be old here then.
        self._sent: dict[str, Row | None] = {}
        self.newest = 0
        """The revision of the newest row that was written from here."""
        self.on_taken: Callable[[str, str], None] = _ignore
        """Is called with the table and key of each row that was taken over."""

    def open(self) -> None:
        """Follows the changes of this gateway from now on."""
        self._tables.on_changed = self._follow_own

    def close(self) -> None:
        """Ends `open`."""
        self._tables.on_changed = None

    def reset(self) -> None:
        """Takes that the bucket is another one."""
        self.follower.restart()
        self._inbox.clear()
        self._known.clear()
        self._sent.clear()

    async def introduce(self) -> None:
        """Waits until what came is taken over, and has the others know of rows that only this gateway has.

        The first start of a gateway opens the enrolment window; one that joins others does not open theirs.
        """
        await self._is_idle.wait()
        is_joining = any(key.startswith("settings.") for key in self._known)
        for table in [table for table in self._shared if table not in NUMBERED_TABLES]:
            for key in await self.unknown(table):
                if is_joining and (table, key) == _ENROLMENT:
                    self._tables.execute("DELETE FROM settings WHERE key = ?", (key,))
                else:
                    self.writes.want(_key_of(table, key), None)

    async def unknown(self, table: str) -> list[str]:
        """Returns the keys of the rows of a table that only this gateway has."""
        return [key for key in await self._parts.long_work.collect(self._unknown_steps(table)) if key]

    def _unknown_steps(self, table: str) -> Iterator[str]:
        """Yields the same, and an empty key for each that others have."""
        column, last = TABLES[table], None
        while rows := self._tables.execute(
            f"SELECT {column} FROM {table} WHERE ? IS NULL OR {column} > ? ORDER BY {column} LIMIT ?",
            (last, last, _KEYS_PAGE),
        ).fetchall():
            for (last,) in rows:
                key = str(last)
                yield key if is_shared(table, key) and _key_of(table, key) not in self._known else ""

    async def introduce_all(self, table: str) -> None:
        """Has the others know of the rows of a table that only this gateway has."""
        for key in await self.unknown(table):
            self.writes.want(_key_of(table, key), None)

    async def drop_unknown(self, table: str) -> list[str]:
        """Deletes the rows of a table that only this gateway has, but what is being written; returns their keys."""
        keys = [key for key in await self.unknown(table) if _key_of(table, key) not in self.writes]
        await self._parts.long_work.collect(self._delete(table, keys))
        return keys

    def _delete(self, table: str, keys: list[str]) -> Iterator[None]:
        for key in keys:
            self._tables.execute(f"DELETE FROM {table} WHERE {TABLES[table]} = ?", (key,))
            yield

    def is_written(self, table: str, key: str) -> bool:
        """Returns whether NATS has a row as it is here."""
        return _key_of(table, key) not in self.writes

    def has_taken(self, revision: int) -> bool:
        """Returns whether everything up to a revision of the bucket is taken over."""
        return self.follower.revision >= revision and self._is_idle.is_set()

    # From here

    def _follow_own(self) -> None:
        for table, key in self._changes.take():
            if is_shared(table, str(key)):
                name = _key_of(table, str(key))
                row = self._row(table, key)
                if self._known.get(name, (None, 0))[0] != (None if row is None else shared_part(table, row)):
                    self.writes.want(name, None)

    async def _write(self, connection: NatsConnection, name: str, _: None) -> None:
        for _turn in range(_TURNS_MAX):
            revision = self._known.get(name, (None, 0))[1]
            try:
                await self._write_once(connection, name, revision)
                return
            except OutdatedError:
                # The newer one comes by at once, and then both are one.
                for _look in range(_LOOKS):
                    await asyncio.sleep(_LOOK_EVERY_S)
                    if self._known.get(name, (None, 0))[1] > revision:
                        break
        raise ClusterError("a row changes all the time")

    async def _write_once(self, connection: NatsConnection, name: str, revision: int) -> None:
        """Writes a row as it is now; raises `OutdatedError` if the bucket has another revision than this."""
        table, key = _parse(name)
        row = self._row(table, key)
        part = None if row is None else shared_part(table, row)
        if part == self._known.get(name, (None, 0))[0]:
            return
        self._sent[name] = part
        if part is None:
            written = await connection.delete(ACCESS_BUCKET, name, revision)
        else:
            written = await connection.put(ACCESS_BUCKET, name, msgspec.msgpack.encode(part), revision)
        self._sent.pop(name, None)
        self.newest = max(self.newest, written)
        if written > self._known.get(name, (None, 0))[1]:
            self._known[name] = (part, written)

    # From elsewhere

    def _hear(self, entry: BucketEntry) -> None:
        self._inbox.append(entry)
        self._is_idle.clear()
        self._has_come.set()

    async def take_over(self) -> None:
        """Takes over what has come, until it is cancelled."""
        while True:
            await self._has_come.wait()
            self._has_come.clear()
            rows = 0
            while self._inbox:
                rows += self._take_some()
                if rows >= _ROWS_MAX and self._inbox:
                    await self._tables.wait_until_stored(_STORE_DEADLINE_S)
                    rows = 0
                elif self._inbox:
                    await asyncio.sleep(0)
            self._is_idle.set()

    def _take_some(self) -> int:
        """Takes over what there is, for a slice at most, in one transaction; returns how many rows these were."""
        rows, until_s = 0, time.perf_counter() + SLICE_S / 2
        is_access = False
        with transaction(self._tables):
            while self._inbox and (not rows or time.perf_counter() < until_s):
                entry = self._inbox.popleft()
                is_access |= not entry.key.startswith(_UPDATES)
                self._take(entry)
                rows += 1
        if is_access:
            # Links of tokens that were revoked end now.
            self._parts.deadlines.check_tokens()
            self._parts.operators.signer.load_key()
        return rows

    def _take(self, entry: BucketEntry) -> None:
        table, key = _parse(entry.key)
        if (
            table not in self._shared
            or not is_shared(table, key)
            or entry.revision <= self._known.get(entry.key, (None, 0))[1]
        ):
            return
        if entry.value is None:
            self._known[entry.key] = (None, entry.revision)
            if self._sent.pop(entry.key, _NOTHING) is not None:
                self._tables.execute(f"DELETE FROM {table} WHERE {TABLES[table]} = ?", (key,))
                self.on_taken(table, key)
            return
        try:
            there = msgspec.msgpack.decode(entry.value, type=dict[str, Any])
        except msgspec.DecodeError as error:
            log.warning("= the entry %s of the cluster is not understood: %s", entry.key, error)
            return
        here, columns = self._row(table, key), self._columns[table]
        there = shared_part(table, {name: there.get(name) for name in columns})
        self._known[entry.key] = (there, entry.revision)
        if self._sent.pop(entry.key, _NOTHING) == there:
            # What is here now is as new, or newer and written next.
            return
        row = merged(table, here, there, columns)
        if shared_part(table, row) != there:
            self.writes.want(entry.key, None)
        if row != here:
            places = ", ".join("?" * len(row))
            self._tables.execute(
                f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({places})", [*row.values()]
            )
            self.on_taken(table, key)

    def _row(self, table: str, key: str) -> Row | None:
        found = self._tables.execute(f"SELECT * FROM {table} WHERE {TABLES[table]} = ?", (key,)).fetchone()
        return None if found is None else dict(zip(self._columns[table], found, strict=True))

    def _read_columns(self, table: str) -> tuple[str, ...]:
        rows = self._tables.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,)).fetchall()
        return tuple(str(name) for (name,) in rows)


def _ignore(table: str, key: str) -> None:
    """Does nothing."""


def _key_of(table: str, key: str) -> str:
    return f"{table}.{token_of(key)}"


def _parse(name: str) -> tuple[str, str]:
    """Returns table and key; the table is "" where it is not one of ours."""
    table, _, token = name.partition(".")
    key = device_of(token)
    return ("", "") if key is None or table not in TABLES else (table, key)
