"""What people gave devices, at every gateway: labels, groups, words, and where a device is shown."""

from __future__ import annotations

import logging

import msgspec

from darvaz.gateway.cluster.connection import NatsConnection, OutdatedError
from darvaz.gateway.cluster.follower import BucketEntry, Follower
from darvaz.gateway.cluster.records import GivenRecord, device_of, token_of
from darvaz.gateway.cluster.write_queue import WriteQueue
from darvaz.gateway.devices.registry import KnownDevice
from darvaz.gateway.parts import Parts

log = logging.getLogger("darvaz.cluster")

DEVICES_BUCKET = "dv_devices"
_RECORD = msgspec.json.Decoder(GivenRecord)
_NOTHING = GivenRecord(device="")


class SharedGifts:
    """Writes what is given here, and gives what others have written; the last one to be written counts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.follower = Follower(DEVICES_BUCKET, self._hear)
        # Key → whether an entry may be there already, which then stays.
        self.writes = WriteQueue[bool](self._write)
        # Device → its newest entry with its revision, also of those that are not known here yet.
        self._newest: dict[str, tuple[int, GivenRecord]] = {}

    def open(self) -> None:
        """Has what is given from now on written."""
        self._parts.devices.on_given = lambda device: self.writes.want(token_of(device), False)
        self._parts.bus.subscribe_devices(self._look, self._forget)

    def reset(self) -> None:
        """Takes that the bucket is another one."""
        self.follower.restart()
        self._newest.clear()

    async def introduce(self) -> None:
        """Has the others know of what was given before they came."""
        for known in self._parts.devices.all():
            if known.id not in self._newest and _differs(known, _NOTHING):
                self.writes.want(token_of(known.id), True)

    async def _write(self, connection: NatsConnection, key: str, is_first: bool) -> None:
        device = device_of(key) or ""
        known = self._parts.devices.get(device)
        try:
            if known is None:
                await connection.delete(DEVICES_BUCKET, key)
                return
            record = GivenRecord(
                device=device, label=known.label, groups=list(known.groups), hidden_from=list(known.hidden_from),
                words=known.words,
            )  # fmt: skip
            last = 0 if is_first else None
            revision = await connection.put(DEVICES_BUCKET, key, msgspec.json.encode(record), last)
        except OutdatedError:
            # It was given something elsewhere before.
            return
        self._keep(device, revision, record)

    def _hear(self, entry: BucketEntry) -> None:
        device = device_of(entry.key)
        if device is None:
            return
        if entry.value is None:
            self._newest.pop(device, None)
            return
        try:
            self._keep(device, entry.revision, _RECORD.decode(entry.value))
        except msgspec.DecodeError as error:
            log.warning("= the entry %s of the cluster is not understood: %s", entry.key, error)

    def _keep(self, device: str, revision: int, record: GivenRecord) -> None:
        if revision > self._newest.get(device, (0, _NOTHING))[0]:
            self._newest[device] = (revision, record)
            self._give(device)

    def _look(self, device: str) -> None:
        """Gives a device what waited for it to be known; what is still to be written is newer."""
        if token_of(device) not in self.writes:
            self._give(device)

    def _forget(self, device: str) -> None:
        if self._newest.pop(device, None) is not None:
            self.writes.want(token_of(device), False)

    def _give(self, device: str) -> None:
        """Gives a device its newest entry, and tells of it if that changes anything."""
        _, record = self._newest.get(device, (0, None))
        known = self._parts.devices.get(device)
        if record is not None and known is not None and _differs(known, record):
            self._parts.devices.give(
                device, label=record.label, groups=tuple(record.groups), hidden_from=tuple(record.hidden_from),
                words=record.words,
            )  # fmt: skip
            self._parts.bus.publish_presence(device)


def _differs(known: KnownDevice, record: GivenRecord) -> bool:
    here = (known.label, list(known.groups), list(known.hidden_from), known.words)
    return here != (record.label, record.groups, record.hidden_from, record.words)
