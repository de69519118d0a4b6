"""The links of all gateways: claims those of this one, knows those of the others, and has the list of devices know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection, OutdatedError
from darvaz.gateway.cluster.ending import end_tasks
from darvaz.gateway.cluster.follower import BucketEntry, Follower
from darvaz.gateway.cluster.moves import Moves
from darvaz.gateway.cluster.nodes import LivingNodes
from darvaz.gateway.cluster.ownership import Claim, Outcome, Ownership
from darvaz.gateway.cluster.records import LinkRecord, device_of, token_of
from darvaz.gateway.cluster.remote_commands import RemoteCommands
from darvaz.gateway.cluster.remote_prompts import RemotePrompts
from darvaz.gateway.cluster.remote_snapshots import RemoteSnapshots
from darvaz.gateway.cluster.write_queue import WriteQueue
from darvaz.gateway.devices.description import Protection
from darvaz.gateway.devices.elsewhere import RemoteLink
from darvaz.gateway.devices.registry import KnownDevice
from darvaz.gateway.forgotten_devices import delete_device
from darvaz.gateway.parts import Parts
from darvaz.protocol.codec import Message
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.cluster")

LINKS_BUCKET = "dv_links"
# With which its gateway ended the link of a board that should come back at once.
RESTARTING = 1012
# A late claim that others outrun this often in a row is tried again later.
_TURNS_MAX = 4
# Between as many devices, others have their turn.
_SLICE = 100
_RECORD = msgspec.json.Decoder(LinkRecord)


@dataclass(slots=True)
class _Wanted:
    """What is to be written about a device."""

    what: Literal["claim", "release", "forget", "introduce"]
    device: str
    claim: Claim | None = None
    made_on: NatsConnection | None = None
    """The connection that was open when it was wanted."""
    attempts: int = 0


class SharedLinks:
    """Implements `Elsewhere`. Used from the event loop only."""

    def __init__(self, parts: Parts, nodes: LivingNodes) -> None:
        self._parts = parts
        self._nodes = nodes
        self._ownership = Ownership(nodes.own)
        self.follower = Follower(LINKS_BUCKET, self._hear)
        self.writes = WriteQueue(self._write)
        self.moves = Moves()
        self.commands = RemoteCommands(parts.hub, parts.recorder, nodes.own, self.moves)
        self.snapshots = RemoteSnapshots(parts.snapshots, nodes.own)
        self.prompts = RemotePrompts(parts, nodes.own)
        self._connection: NatsConnection | None = None
        # Device → the address of its newest link elsewhere, since when it is there, and how it is protected.
        self._remote: dict[str, tuple[str, float, Protection | None]] = {}
        # Device → a claim of another gateway that came before the revision of the own one.
        self._rivals: dict[str, LinkRecord] = {}
        self._telling: set[asyncio.Task[None]] = set()
        # Whether entries tell what happens now; the first ones tell what was.
        self._is_current = False

    def open(self) -> None:
        """Follows the links of this gateway from now on."""
        self._parts.hub.on_presence(self._follow_own)
        self._parts.hub.elsewhere = self
        self.prompts.open()

    async def close(self) -> None:
        """Ends what is under way."""
        await end_tasks(self._telling)
        await self.commands.close()
        await self.snapshots.close()

    # What the hub asks

    @property
    def count(self) -> int:
        """Returns how many devices have a link elsewhere."""
        return sum(self.find(device) is not None for device in self._remote)

    def find(self, device: str) -> RemoteLink | None:
        """Returns the link of a device at another gateway that lives."""
        node = self._ownership.owner_of(device)
        if node is None or node not in self._nodes or device not in self._remote:
            return None
        return RemoteLink(node, *self._remote[device])

    def takes(self, device: str, *, is_here: bool) -> bool:
        """Returns whether commands for a device are sent by another gateway, or wait until one can."""
        if is_here:
            return self.moves.is_handing_over
        return self.find(device) is not None or self.moves.is_moving(device)

    async def command(self, device: str, name: str, args: Mapping[str, Any], deadline_s: float) -> Any:
        """Has the gateway that has the link send a command."""
        return await self.commands.ask(lambda: self._connection, self.find, device, name, args, deadline_s)

    def send_message(self, device: str, message: Message) -> bool:
        """Has the gateway that has the link send a message of a prompt."""
        link = self.find(device)
        return link is not None and self._connection is not None and self.prompts.send(link, device, message)

    async def snapshot(self, device: str, deadline_s: float) -> bytes:
        """Has the gateway that has the link take a picture."""
        return await self.snapshots.ask(self._connection, self.find(device), device, deadline_s)

    def forget(self, device: str) -> None:
        """Deletes the entry of a device, by which all others forget it."""
        self._ownership.release(device)
        if self._ownership.revision_of(device) or token_of(device) in self.writes:
            self._want("forget", device)

    # Connections

    def reset(self) -> None:
        """Takes that the bucket is another one."""
        self.follower.restart()
        self._ownership.reset()
        self._remote.clear()
        for device in self._ownership.claimed:
            self._want("claim", device, self._ownership.claim_of(device))

    def begin(self, connection: NatsConnection | None) -> None:
        """Takes the connection that is used from now on."""
        self._connection, self._is_current = connection, False

    async def introduce(self) -> None:
        """Has the others know of devices that only this gateway knows; called once all entries are known here."""
        self._is_current = True
        for known in self._parts.devices.all():
            if not self._ownership.knows(known.id) and self._ownership.claim_of(known.id) is None:
                self._want("introduce", known.id)

    def tell_of(self, node: str, *, is_alive: bool) -> None:
        """Has everybody here see that the devices of another gateway are there, or away."""
        if not is_alive:
            self.prompts.forget(node)
        if node != self._nodes.own:
            task = asyncio.get_running_loop().create_task(self._tell(self._ownership.devices_of(node), is_alive))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell(self, devices: Iterable[str], is_alive: bool) -> None:
        for number, device in enumerate(devices, 1):
            if not is_alive and self._parts.devices.get(device) is not None and self.find(device) is None:
                self._parts.devices.mark_seen(device, self._parts.unix_s())
            self._publish(device)
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    # Links of this gateway

    def _follow_own(self, device: str, is_connected: bool) -> None:
        if is_connected:
            self.moves.arrive(device)
            self._want("claim", device, self._ownership.claim(device))
            return
        claim = self._ownership.release(device)
        if claim is not None:
            self._want("release", device, claim)
            if self.moves.is_handing_over:
                self.moves.leave(device)

    def _want(
        self, what: Literal["claim", "release", "forget", "introduce"], device: str, claim: Claim | None = None
    ) -> None:
        self.writes.want(token_of(device), _Wanted(what, device, claim, self._connection))

    async def _write(self, connection: NatsConnection, key: str, wanted: _Wanted) -> None:
        wanted.attempts += 1
        if wanted.what == "claim":
            await self._write_claim(connection, key, wanted)
        elif wanted.what == "forget":
            await connection.delete(LINKS_BUCKET, key)
        else:
            claim, value = wanted.claim, self._dump(wanted.device, wanted.claim, is_online=False)
            last = 0 if claim is None else claim.base if claim.revision is None else claim.revision
            try:
                if value is not None:
                    await connection.put(LINKS_BUCKET, key, value, last)
            except OutdatedError:
                # Somebody has written something newer.
                log.debug("= the entry of %s is newer than its end", wanted.device)

    async def _write_claim(self, connection: NatsConnection, key: str, wanted: _Wanted) -> None:
        device, claim = wanted.device, wanted.claim
        value = self._dump(device, claim, is_online=True)
        if claim is None or value is None or self._ownership.claim_of(device) is not claim:
            return
        if wanted.attempts == 1 and wanted.made_on is connection:
            revision = await connection.put(LINKS_BUCKET, key, value)
        else:
            found = await self._write_late(connection, key, value, claim)
            if found is None:
                self._apply(device, self._ownership.give_up(device, claim.serial), None)
                return
            revision = found
        if self._ownership.claim_of(device) is claim:
            self._apply(device, self._ownership.confirm(device, claim.serial, revision), None)
        else:
            # Its end is written next, if this is still the newest entry.
            claim.revision = revision

    async def _write_late(self, connection: NatsConnection, key: str, value: bytes, claim: Claim) -> int | None:
        """Writes a claim of a link that is not new any more; returns its revision, or None if another one is valid."""
        base = claim.base
        for _ in range(_TURNS_MAX):
            try:
                return await connection.put(LINKS_BUCKET, key, value, base)
            except OutdatedError:
                found, base = await connection.get(LINKS_BUCKET, key)
            record = None if found is None else _decode(key, found)
            if record is None or not record.is_online:
                continue
            if record.node == self._nodes.own and record.serial == claim.serial:
                return base
            if record.node != self._nodes.own and record.node in self._nodes:
                self._rivals[record.device] = record
                return None
        raise ClusterError("the entry changes all the time")

    def _dump(self, device: str, claim: Claim | None, *, is_online: bool) -> bytes | None:
        """Returns the entry of a device; None if it was forgotten meanwhile."""
        known, state = self._parts.devices.get(device), self._parts.hub.describe(device)
        if known is None or state is None:
            return None
        record = LinkRecord(
            device=device, kind=known.kind, node=self._nodes.own, serial=0 if claim is None else claim.serial,
            is_online=is_online, address=known.address, protection=state.protection, since_s=state.since_unix_s or 0.0,
            first_seen_s=known.first_seen_s, last_seen_s=known.last_seen_s, last_end=known.last_end,
            introduction=known.introduction, last_args=known.last_args,
        )  # fmt: skip
        return msgspec.json.encode(record)

    # Links of others

    def _hear(self, entry: BucketEntry) -> None:
        device = device_of(entry.key)
        record = None if entry.value is None else _decode(entry.key, entry.value)
        if device is None or (entry.value is not None and (record is None or record.device != device)):
            return
        if record is not None and record.kind not in self._parts.protocol.kinds:
            log.warning("= device %s is of a kind that this version does not know, %s", ascii(device), record.kind)
            return
        if record is not None:
            record.introduction = self._checked(record)
        change = self._ownership.hear(device, record, entry.revision)
        claim = self._ownership.claim_of(device)
        if record is not None and claim is not None and claim.rival == entry.revision:
            self._rivals[device] = record
        self._apply(device, change, record)

    def _checked(self, record: LinkRecord) -> dict[str, Any]:
        """Returns the introduction of an entry as this version understands it; nothing of one that it does not."""
        found = self._parts.protocol.parse(msgspec.json.encode(record.introduction))
        if isinstance(found, Fault):
            log.warning("= the introduction of %s is not understood: %s", ascii(record.device), found.message)
            return {}
        fields: dict[str, Any] = msgspec.to_builtins(found)
        return fields

    def _apply(self, device: str, change: Outcome, record: LinkRecord | None) -> None:
        rival = self._rivals.pop(device, None) if self._ownership.claim_of(device) is None else None
        if change is Outcome.FORGOTTEN:
            self._remote.pop(device, None)
            if self._parts.devices.get(device) is not None:
                delete_device(self._parts, device)
        elif change is Outcome.LOST:
            newest = record or rival
            if newest is not None:
                self._remote[device] = _remote_of(newest)
                self._parts.hub.replace(device, newest.node)
                self._learn(newest)
                self._publish(device)
        elif change is Outcome.CHANGED and record is not None:
            self._learn(record)
            self._publish(device)

    def _learn(self, record: LinkRecord) -> None:
        """Has the list of devices know what an entry of another gateway says."""
        device, devices = record.device, self._parts.devices
        if record.is_online:
            self._remote[device] = _remote_of(record)
            self.moves.arrive(device)
        else:
            self._remote.pop(device, None)
            if self._is_current and record.last_end == RESTARTING:
                self.moves.leave(device)
        before = devices.get(device)
        first_s = record.first_seen_s if before is None else before.first_seen_s
        known = KnownDevice(
            id=device, kind=record.kind, first_seen_s=first_s, last_seen_s=record.last_seen_s,
            address=record.address, introduction=record.introduction, last_args=record.last_args,
        )  # fmt: skip
        if before is None or _is_news(before, known):
            known.introduction = devices.shared_parts.share(known.introduction)
            devices.remember(known, is_here=False)
        if not record.is_online:
            devices.mark_seen(device, record.last_seen_s, record.last_end)

    def _publish(self, device: str) -> None:
        self.prompts.look(device, self.find(device))
        if self._parts.devices.get(device) is not None:
            self._parts.bus.publish_presence(device)


def _remote_of(record: LinkRecord) -> tuple[str, float, Protection | None]:
    known = next((each for each in get_args(Protection) if each == record.protection), None)
    return record.address, record.since_s, known


def _is_news(before: KnownDevice, after: KnownDevice) -> bool:
    return (before.kind, before.address, before.introduction) != (after.kind, after.address, after.introduction)


def _decode(key: str, value: bytes) -> LinkRecord | None:
    """Returns the record of an entry, or None for one that a later version may understand."""
    try:
        return _RECORD.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("= the entry %s of the cluster is not understood: %s", key, error)
        return None
