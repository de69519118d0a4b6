"""Takes what the journals of the other gateways have into this one's, and their readings into its history, each once.

An entry is known by its journal and its number there, which are stored with it: after a kill nothing is doubled. How
far the stream was read is noted now and then, behind what is on the disk; after a start a little is read again.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from darvaz.gateway.cluster.connection import NatsConnection
from darvaz.gateway.cluster.event_positions import EventPositions
from darvaz.gateway.cluster.follower import BucketEntry, Follower
from darvaz.gateway.cluster.journal_messages import ELSEWHERE, JOURNAL_PREFIX
from darvaz.gateway.cluster.journal_sender import CLOCK_HEADER, END_HEADER, NODE_HEADER, STREAM, SUBJECT
from darvaz.gateway.cluster.shared_clock import SharedClock
from darvaz.gateway.journal.batches import EntryGroup, unpack
from darvaz.gateway.journal.limits import PENDING_CHARS_MAX, PENDING_ROWS_MAX
from darvaz.gateway.parts import Parts
from darvaz.gateway.storage.taken import Taken
from darvaz.gateway.telemetry.recent import Reports
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.cluster")

# Messages that are asked for at once, of 100,000 characters each.
AT_ONCE = 16
_NOTE_EVERY_S = 10.0
_ROOM_LOOK_S = 0.05
_SETTING = "cluster_journal_read"


class JournalReceiver:
    """Takes over entries. Used from the event loop only."""

    def __init__(self, parts: Parts, origin: str, positions: EventPositions, clock: SharedClock) -> None:
        self._parts = parts
        self._origin = origin
        self._positions = positions
        self._clock = clock
        self.follower = Follower(STREAM, self._take, f"{SUBJECT}.", AT_ONCE)
        self.follower.wait_for_room = self._wait_for_room
        # Tells the stream from a later one of the same name.
        self._created = ""

    def begin(self, created: str) -> None:
        """Reads on where this gateway was in a stream, or at its first message."""
        if created != self._created:
            self._created = created
            found = self._parts.tables.execute("SELECT value FROM settings WHERE key = ?", (_SETTING,)).fetchone()
            revision, _, of = (found[0] if found else "0 ").partition(" ")
            self.follower.revision = int(revision) if of == created else 0
            self._positions.begin(created, self.follower.revision)

    async def run(self, connection: NatsConnection) -> None:
        """Takes over until it is cancelled."""
        noting = asyncio.get_running_loop().create_task(self._note_now_and_then())
        try:
            await self.follower.run(connection, asyncio.Event())
        finally:
            noting.cancel()

    async def _note_now_and_then(self) -> None:
        noted = 0
        while True:
            await asyncio.sleep(_NOTE_EVERY_S)
            revision = self.follower.revision
            if revision != noted and await self._parts.recorder.wait_until_durable(_NOTE_EVERY_S):
                self._parts.tables.execute(
                    "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)",
                    (_SETTING, f"{revision} {self._created}"),
                )
                noted = revision

    async def _wait_for_room(self) -> None:
        journal = self._parts.journal
        while journal.pending_rows * 2 > PENDING_ROWS_MAX or journal.pending_chars * 2 > PENDING_CHARS_MAX:
            journal.flush_now()
            await asyncio.sleep(_ROOM_LOOK_S)

    async def _take(self, message: BucketEntry) -> None:
        end = message.headers.get(END_HEADER, "")
        self._positions.pass_by(message.revision, message.key, int(end) if end.isdecimal() else 0, time.monotonic())
        if message.key == self._origin or message.value is None:
            return
        try:
            entry_id, groups, taken = unpack(message.value)
        except (zlib.error, ValueError, msgspec.DecodeError) as error:
            log.warning("= entries of the journal %s are not understood: %s", message.key, error)
            return
        node = message.headers.get(NODE_HEADER, "?")
        late_ms = self._late_ms(message)
        self._take_numbers(taken)
        await self._parts.long_work.collect(self._take_groups(message.key, entry_id, groups, late_ms, node))

    def _take_numbers(self, taken: list[Taken]) -> None:
        """Takes that another gateway has these messages of boards: one that comes here goes on behind them."""
        for device, boot, numbers in taken:
            fresh = [number for number in numbers if self._parts.sequences.take(device, boot, number) is not None]
            if fresh:
                self._parts.journal.note_taken((device, boot, fresh))
                # A report that its board sends again, to this gateway, is not kept a second time.
                reports = Reports(device, boot)
                for number in fresh:
                    reports.add(0, {}, number)
                self._parts.history.record_all(reports)

    def _take_groups(
        self, origin: str, entry_id: int, groups: list[EntryGroup], late_ms: int, node: str
    ) -> Iterator[None]:
        """Takes over groups, one in a step: what is in the journal and not in the history would not come again."""
        for group in groups:
            self._take_group(origin, entry_id, (group[0] + late_ms, *group[1:]), node)
            entry_id += len(group[4])
            yield

    def _late_ms(self, message: BucketEntry) -> int:
        """Returns what is added to the times of a gateway whose clock is another one."""
        try:
            return int(self._clock.correction_s(float(message.headers.get(CLOCK_HEADER, ""))) * 1000)
        except (ValueError, OverflowError):
            # Of an earlier version.
            return 0

    def _take_group(self, origin: str, entry_id: int, group: EntryGroup, node: str) -> None:
        """Takes over a group, if it is not here yet."""
        key = JOURNAL_PREFIX + origin
        if self._parts.sequences.take(key, "", entry_id) is None:
            return
        time_ms, device, kind, address, entries = group
        chars = sum(len(entry[2]) for entry in entries)
        taken = (key, "", [entry_id])
        self._parts.journal.extend(time_ms, device, kind, f"{address}{ELSEWHERE}{node}", entries, chars, taken)
        if device is not None:
            self._take_readings(origin, entry_id, group, device)

    def _take_readings(self, origin: str, entry_id: int, group: EntryGroup, device: str) -> None:
        """Puts the readings of a group into the history; a text that the journal had to cut is left out."""
        for number, (direction, type_, text, *ages_ms) in enumerate(group[4], entry_id):
            if direction == "<" and type_ == "telemetry":
                values = self._values_of(text)
                happened_s = (group[0] - (ages_ms[0] if ages_ms else 0)) / 1000
                self._parts.history.record(device, happened_s, values, f"@{origin}", number)

    def _values_of(self, text: str) -> dict[str, Any]:
        """Returns the values of a report, as its gateway took them."""
        found = self._parts.protocol.parse(text)
        if not isinstance(found, Fault):
            return getattr(found, "values", {})
        rest = self._parts.protocol.parse_rest(text)
        return {} if rest is None else getattr(rest[0], "values", {})
