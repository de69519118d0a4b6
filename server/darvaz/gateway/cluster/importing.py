"""Brings what a data folder has into a cluster, without the folder's gateway: what the cluster has already stays.

It does what a gateway does that joins, and then ends: entries of the journal are known by their numbers, rows and
devices by their names, so it may be repeated after whatever ended it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection, connected
from darvaz.gateway.cluster.ending import end_tasks
from darvaz.gateway.cluster.follower import BucketEntry, Follower
from darvaz.gateway.cluster.journal_sender import KEPT_S, STREAM, SUBJECT, JournalSender, journal_id
from darvaz.gateway.cluster.merging import ACCESS_TABLES, is_shared
from darvaz.gateway.cluster.nodes import LivingNodes
from darvaz.gateway.cluster.options import ClusterOptions
from darvaz.gateway.cluster.records import device_of
from darvaz.gateway.cluster.shared_clock import SharedClock
from darvaz.gateway.cluster.shared_gifts import DEVICES_BUCKET, SharedGifts
from darvaz.gateway.cluster.shared_links import LINKS_BUCKET, SharedLinks
from darvaz.gateway.cluster.shared_tables import ACCESS_BUCKET, SharedTables
from darvaz.gateway.parts import Parts

_LOOK_S = 0.2
_NAMED_MAX = 3
_FOREVER_S = 1e9
_KEY_ENTRY = "settings.signing_key"


class ImportRefusedError(Exception):
    """The cluster has data of its own; the text says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How much of a data folder the cluster has."""

    devices: int
    rows: int
    """People and invitations, tokens, sessions, sign-in links and keys of boards."""
    entries: int
    """Up to which entry the stream has the journal."""


class ClusterImport:
    """Imports the data folder of some parts, whose writers are open. Used from the event loop only."""

    def __init__(self, parts: Parts, options: ClusterOptions) -> None:
        self._parts = parts
        self._options = options
        self._links = SharedLinks(parts, LivingNodes(options.node, 0.0))
        self._gifts = SharedGifts(parts)
        self._tables = SharedTables(parts, ACCESS_TABLES)
        self._journal = JournalSender(
            parts, journal_id(parts.tables), options.name, SharedClock(parts.access_clock), _FOREVER_S
        )

    async def run(self, *, merges: bool, tell: Callable[[int, int], None]) -> Imported:
        """Imports everything; `tell` is called with how many entries of the journal are done, and of how many.

        Raises `ImportRefusedError` where the cluster has data that is not of this folder, unless it `merges`, and
        `ClusterError` where NATS is not reached or lost.
        """
        async with connected(self._options) as connection:
            for bucket in (LINKS_BUCKET, DEVICES_BUCKET, ACCESS_BUCKET):
                await connection.open_bucket(bucket)
            await connection.open_stream(STREAM, f"{SUBJECT}.*", KEPT_S)
            if not merges:
                await self._check(connection)
            await self._bring(connection, tell)
        counted = [
            key
            for table in ACCESS_TABLES
            if table != "settings"
            for (key,) in self._keys(table)
            if is_shared(table, key)
        ]
        return Imported(len(self._parts.devices.all()), len(counted), self._journal.sent_id - 1)

    # What the cluster has before

    async def _check(self, connection: NatsConnection) -> None:
        access, links = [await _entries_of(connection, bucket) for bucket in (ACCESS_BUCKET, LINKS_BUCKET)]
        own_key = self._parts.tables.execute("SELECT value FROM settings WHERE key = 'signing_key'").fetchone()
        if _KEY_ENTRY in access and own_key is not None and _value_of(access[_KEY_ENTRY]) == own_key[0]:
            # This folder was imported before, or was one of a gateway of this cluster.
            return
        known = {device.id for device in self._parts.devices.all()}
        devices = sorted(filter(None, {device_of(key) for key in links} - known))
        own_tokens = {str(key) for (key,) in self._keys("tokens")}
        tokens = [key for key in access if key.startswith("tokens.") and device_of(key[7:]) not in own_tokens]
        if devices or tokens:
            raise ImportRefusedError(_refusal(devices, len(tokens)))

    def _keys(self, table: str) -> list[tuple[Any]]:
        return self._parts.tables.execute(f"SELECT {ACCESS_TABLES[table]} FROM {table}").fetchall()

    # What it is given

    async def _bring(self, connection: NatsConnection, tell: Callable[[int, int], None]) -> None:
        known = [asyncio.Event() for _ in range(3)]
        followers = (self._links.follower, self._gifts.follower, self._tables.follower)
        self._links.begin(connection)
        self._tables.open()
        self._journal.open()
        jobs = [follower.run(connection, event) for follower, event in zip(followers, known, strict=True)]
        jobs += [self._tables.take_over(), _watch(connection), self._journal.run(connection)]
        running = [asyncio.get_running_loop().create_task(job) for job in jobs]
        bringing = asyncio.get_running_loop().create_task(self._write(connection, known, tell))
        try:
            done, _ = await asyncio.wait([*running, bringing], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end_tasks([*running, bringing])
            self._tables.close()
            await self._links.close()

    async def _write(
        self, connection: NatsConnection, known: list[asyncio.Event], tell: Callable[[int, int], None]
    ) -> None:
        """Writes what the cluster lacks, and waits until it has that and the journal."""
        for event in known:
            await event.wait()
        shares = (self._links, self._gifts, self._tables)
        for share in shares:
            await share.introduce()
        writing = [asyncio.get_running_loop().create_task(share.writes.run(connection)) for share in shares]
        try:
            while any(len(share.writes) for share in shares) or self._journal.sent_id <= self._parts.journal.newest_id:
                tell(self._journal.sent_id, self._parts.journal.newest_id)
                # Nobody tells of each.
                await asyncio.sleep(_LOOK_S)
        finally:
            await end_tasks(writing)


async def _watch(connection: NatsConnection) -> None:
    await connection.lost.wait()
    raise ClusterError(f"the connection to {connection.server} was lost: run it again, and it goes on")


async def _entries_of(connection: NatsConnection, bucket: str) -> dict[str, bytes]:
    """Returns what a bucket has now."""
    found: dict[str, bytes] = {}

    def take(entry: BucketEntry) -> None:
        found.pop(entry.key, None)
        if entry.value is not None:
            found[entry.key] = entry.value

    caught_up = asyncio.Event()
    reading = asyncio.get_running_loop().create_task(Follower(bucket, take).run(connection, caught_up))
    losing = asyncio.get_running_loop().create_task(_watch(connection))
    waiting = asyncio.get_running_loop().create_task(caught_up.wait())
    try:
        done, _ = await asyncio.wait((losing, waiting), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end_tasks([reading, losing, waiting])
    return found


def _value_of(row: bytes) -> Any:
    return msgspec.msgpack.decode(row, type=dict[str, Any]).get("value")


def _refusal(devices: list[str], tokens: int) -> str:
    """Returns why a cluster is not given the data of another gateway without being asked to."""
    named = ", ".join(ascii(device) for device in devices[:_NAMED_MAX]) + (", …" if len(devices) > _NAMED_MAX else "")
    there = [f"{_counted(len(devices), 'device')} ({named})"] if devices else []
    there += [_counted(tokens, "token")] if tokens else []
    return (
        f"the cluster has other data: {' and '.join(there)} that this folder does not know. If both belong together,"
        " add --merge: all of it is kept, and where both have something, that of the cluster counts"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
