"""The connected devices: one link each, commands out, acknowledgements back."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from darvaz.gateway.devices.description import DeviceState
from darvaz.gateway.devices.elsewhere import Elsewhere, Nowhere
from darvaz.gateway.devices.errors import (
    BusyError,
    CommandError,
    InvalidCommandError,
    OfflineError,
    RefusedByBoardError,
    UnknownDeviceError,
)
from darvaz.gateway.devices.presence import PENDING_PER_DEVICE_MAX, Link, Presence, declared_deadline_s, give_up
from darvaz.gateway.devices.registry import Devices, KnownDevice
from darvaz.protocol.codec import Message, MessageCodec
from darvaz.protocol.faults import Fault

_COMMAND_IDS = 2**30
# Commands that every board may have without declaring them.
BUILT_IN = frozenset({"info", "reboot", "stream", "snapshot"})


class Hub:
    """The connected devices, by id. Used from the event loop only."""

    def __init__(self, protocol: MessageCodec, devices: Devices, unix_s: Callable[[], float]) -> None:
        self._protocol = protocol
        self._devices = devices
        self._unix_s = unix_s
        self._connected: dict[str, Presence] = {}
        # For the ids of commands, which count up to `_COMMAND_IDS` and start again.
        self._ids = itertools.count(1)
        self._on_presence: list[Callable[[str, bool], None]] = []
        self._on_carried_out: list[Callable[[str], None]] = []
        self.elsewhere: Elsewhere = Nowhere()
        self.measure: Callable[[str, float], None] = _ignore
        """Is called with the result of a command (`ok`, `cancelled`, or the code of its error) and its seconds."""

    # Presence

    def on_presence(self, call: Callable[[str, bool], None]) -> None:
        """Has `call` called with each device that connected (true, also if it was connected) or left (false)."""
        self._on_presence.append(call)

    def on_carried_out(self, call: Callable[[str], None]) -> None:
        """Has `call` called with each device that carried out a command, once its last arguments are known."""
        self._on_carried_out.append(call)

    def off_carried_out(self, call: Callable[[str], None]) -> None:
        """Ends `on_carried_out`."""
        self._on_carried_out.remove(call)

    def join(self, device: str, link: Link, introduction: Message) -> None:
        """Makes `link` the link of the device; an older one is closed as replaced."""
        fields = self._devices.shared_parts.fields_of(introduction)
        before = self._connected.get(device)
        presence = Presence(link=link, introduction=fields, since_unix_s=self._unix_s())
        if before is not None and before.link is link:
            presence.pending, presence.sent = before.pending, before.sent
        elif before is not None:
            self._fail_pending(before, f"{device} connected again before it answered")
            elsewhere = f", at {link.address}" if link.address != before.link.address else ""
            before.link.close("replaced", f"a newer link of this device took over{elsewhere}")
        self._connected[device] = presence
        self._devices.remember(KnownDevice.introduced(device, link.kind_name, link.address, fields, self._unix_s()))
        self._call_subscribers(device, is_connected=True)

    def leave(self, link: Link, code: int | None = None) -> None:
        """Removes a link that ended with a close code, unless a newer one has replaced it."""
        if link.device is None:
            return
        presence = self._connected.get(link.device)
        if presence is None or presence.link is not link:
            return
        del self._connected[link.device]
        self._devices.mark_seen(link.device, self._unix_s(), code)
        self._fail_pending(presence, f"{link.device} disconnected before it answered")
        self._call_subscribers(link.device, is_connected=False)

    def replace(self, device: str, node: str) -> None:
        """Closes the link of a device that has a newer one at another gateway."""
        presence = self._connected.pop(device, None)
        if presence is not None:
            self._devices.mark_seen(device, self._unix_s())
            self._fail_pending(presence, f"{device} connected again before it answered")
            self._call_subscribers(device, is_connected=False)
            presence.link.close("replaced", f"a newer link of this device took over, at the gateway {node}")

    def forget(self, device: str) -> None:
        """Ends the link of a device, if it has one, and forgets the device."""
        presence = self._connected.pop(device, None)
        self._devices.forget(device)
        if presence is not None:
            self._fail_pending(presence, f"{device} was forgotten before it answered")
            self._call_subscribers(device, is_connected=False)
            presence.link.close("not_allowed", "this device was forgotten by an operator")
        self.elsewhere.forget(device)

    def shift_times(self, jump_s: float) -> None:
        """Moves the times since which devices are here: the wall clock was set by these seconds."""
        for presence in self._connected.values():
            presence.since_unix_s += jump_s
        for known in self._devices.all():
            if known.started_s is not None:
                known.started_s += jump_s

    def uptime_s(self, device: str, boot_id: object) -> float | None:
        """Returns for how long a start of a device runs, or would; None if it is not the last start that it told."""
        known = self._devices.get(device)
        if known is None or known.started_s is None or known.introduction.get("boot_id") != boot_id:
            return None
        return max(0.0, self._unix_s() - known.started_s)

    def kind_of(self, device: str) -> str | None:
        """Returns the kind of a device, or None if it never connected."""
        return known.kind if (known := self._devices.get(device)) else None

    def look_alike_of(self, device: str) -> str | None:
        """Returns a known device whose id looks like one that never connected, or None."""
        return self._devices.look_alike_of(device)

    def address_of(self, device: str) -> str | None:
        """Returns the address of the link that a device has, or None while it is away."""
        presence = self._connected.get(device)
        found = self.elsewhere.find(device) if presence is None else presence.link
        return None if found is None else found.address

    def board_of(self, device: str, other_than: Link) -> str | None:
        """Returns what tells the board that a device has from others, or None if it has none but that of this link."""
        presence, fields = self._connected.get(device), self._introduction_of(device)
        if fields is None or (presence is not None and presence.link is other_than):
            return None
        return str(fields.get("boot_id") or self.address_of(device))

    @staticmethod
    def board_name(link: Link, introduction: Any) -> str:
        """Returns what tells a board from others: its `boot_id`, or the address of one without."""
        boot_id = introduction.boot_id
        return link.address if boot_id is msgspec.UNSET else str(boot_id)

    def commands_of(self, device: str) -> dict[str, Any] | None:
        """Returns the commands that a device declared, by name, or None while it is not connected to this gateway."""
        presence = self._connected.get(device)
        return None if presence is None else presence.introduction.get("commands", {})

    def _call_subscribers(self, device: str, *, is_connected: bool) -> None:
        for call in self._on_presence:
            call(device, is_connected)

    @property
    def online(self) -> int:
        """Returns how many devices have a link, here or elsewhere."""
        return len(self._connected) + self.elsewhere.count

    @property
    def online_here(self) -> int:
        return len(self._connected)

    def presences(self) -> list[Presence]:
        """Returns the devices that have a link to this gateway."""
        return list(self._connected.values())

    def is_here(self, device: str) -> bool:
        """Returns whether a device has a link to this gateway."""
        return device in self._connected

    def is_online(self, device: str) -> bool:
        """Returns whether a device has a link, here or elsewhere."""
        return device in self._connected or self.elsewhere.find(device) is not None

    def last_seen(self, device: str) -> tuple[str, bool, float] | None:
        """Returns the kind of a device, whether it is here, and when it was last here, in Unix seconds."""
        known, is_online = self._devices.get(device), self.is_online(device)
        return None if known is None else (known.kind, is_online, self._unix_s() if is_online else known.last_seen_s)

    def describe(self, device: str) -> DeviceState | None:
        """Returns one device, or None if it never connected."""
        return self._describe(known) if (known := self._devices.get(device)) else None

    def _describe(self, known: KnownDevice) -> DeviceState:
        presence = self._connected.get(known.id)
        link = presence or self.elsewhere.find(known.id)
        fields = presence.introduction if presence else known.introduction
        now_s = self._unix_s()
        # The clock may have been set back since.
        last_seen_s = now_s if link else min(known.last_seen_s, now_s)
        return DeviceState(
            id=known.id,
            kind=known.kind,
            label=known.label,
            groups=known.groups,
            words=known.words,
            hidden_from=known.hidden_from,
            last_end=None if link else known.last_end,
            online=link is not None,
            address=known.address,
            since_unix_s=min(link.since_unix_s, now_s) if link else None,
            protection=link.protection if link else None,
            first_seen_unix_s=min(known.first_seen_s, last_seen_s),
            last_seen_unix_s=last_seen_s,
            version=fields.get("version"),
            board=fields.get("board"),
            ip=fields.get("ip"),
            mac=fields.get("mac"),
            reset_cause=fields.get("reset_cause"),
            boot_id=fields.get("boot_id"),
            commands=fields.get("commands", {}),
            last_args=known.last_args,
            telemetry=fields.get("telemetry", {}),
        )

    # Commands

    async def command(self, device: str, name: str, args: Mapping[str, Any], deadline_s: float) -> Any:
        """Sends a command and returns the result of its acknowledgement; raises a `CommandError` with the reason."""
        start_s, result_name = time.monotonic(), "cancelled"
        try:
            result = await self.send(device, name, args, deadline_s)
            result_name = "ok"
            for call in self._on_carried_out:
                call(device)
            return result
        except CommandError as error:
            result_name = error.code
            raise
        finally:
            self.measure(result_name, time.monotonic() - start_s)

    async def send(self, device: str, name: str, args: Mapping[str, Any], deadline_s: float) -> Any:
        """Does what `command` does, uncounted."""
        if self.elsewhere.takes(device, is_here=device in self._connected):
            return await self._send_elsewhere(device, name, args, deadline_s)
        presence = self._presence_of(device)
        identity = next(self._ids) % _COMMAND_IDS
        message = self._make_command(presence.introduction, identity, name, args)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        presence.pending[identity] = answer
        deadline_s = max(deadline_s, declared_deadline_s(presence.introduction, name))
        # `asyncio.timeout` takes as long as all the rest.
        deadline = loop.call_later(deadline_s, give_up, answer, f"{device} did not answer {name}", deadline_s)
        try:
            if not presence.link.send_command(message):
                raise OfflineError(f"{device} is disconnecting")
            presence.remember_sent(identity, name, args)
            return await answer
        finally:
            deadline.cancel()
            presence.pending.pop(identity, None)

    async def _send_elsewhere(self, device: str, name: str, args: Mapping[str, Any], deadline_s: float) -> Any:
        known = self._devices.get(device)
        introduction = {} if known is None else known.introduction
        self._make_command(introduction, 0, name, args)
        deadline_s = max(deadline_s, declared_deadline_s(introduction, name))
        return await self.elsewhere.command(device, name, args, deadline_s)

    def acknowledge(self, link: Link, ack: Any) -> None:
        """Gives an acknowledgement to the command that waits for it; one without an id is ignored."""
        presence = self._connected.get(link.device or "")
        if presence is None or presence.link is not link or ack.id is msgspec.UNSET:
            return
        sent = presence.sent.pop(ack.id, None)
        if sent is not None and ack.status != "error":
            # Also where nobody waits any more: it shows where the board is.
            self._devices.keep_args(link.device or "", *sent)
        answer = presence.pending.pop(ack.id, None)
        if answer is None or answer.done():
            return
        if ack.status == "error":
            answer.set_exception(RefusedByBoardError(ack.message or f"{link.device} could not do it"))
        else:
            # What a board has to say of it is its answer, where it gave no other.
            answer.set_result((ack.message or None) if ack.result is msgspec.UNSET else ack.result)

    def _presence_of(self, device: str) -> Presence:
        """Returns a connected device that may get another command."""
        presence = self._connected.get(device)
        if presence is None:
            if self._devices.get(device) is None:
                raise UnknownDeviceError(f"unknown device {device!r}; see GET /api/devices")
            raise OfflineError(f"{device} is offline")
        if len(presence.pending) >= PENDING_PER_DEVICE_MAX:
            raise BusyError(f"{PENDING_PER_DEVICE_MAX} commands of {device} wait for their answer")
        return presence

    def check_online(self, device: str) -> None:
        """Raises the `CommandError` of a device that is unknown, offline or busy; one elsewhere is online."""
        if device in self._connected or self.elsewhere.find(device) is None:
            self._presence_of(device)

    def send_message(self, device: str, message: Message) -> bool:
        """Sends a message other than a command; returns whether the session of the device could send it."""
        presence = self._connected.get(device)
        return presence.link.send_command(message) if presence else self.elsewhere.send_message(device, message)

    def program_of(self, device: str) -> dict[str, Any] | None:
        """Returns what a device said about its program: nothing if it has no loader; None while it is away."""
        fields = self._introduction_of(device)
        return None if fields is None else fields.get("program", {})

    def _introduction_of(self, device: str) -> dict[str, Any] | None:
        if device in self._connected:
            return self._connected[device].introduction
        known = self._devices.get(device)
        return None if known is None or self.elsewhere.find(device) is None else known.introduction

    def note_program(self, device: str, state: str) -> None:
        """Notes that the program of a device has another state than it said as it came."""
        fields = self._introduction_of(device) or {}
        if "program" in fields:
            fields["program"] = {**fields["program"], "state": state}

    def check_command(self, device: str, name: str, args: Mapping[str, Any]) -> None:
        """Raises the `CommandError` that a command would raise before it is sent."""
        known = self._devices.get(device)
        is_elsewhere = self.elsewhere.takes(device, is_here=device in self._connected)
        introduction = known.introduction if known and is_elsewhere else self._presence_of(device).introduction
        self._make_command(introduction, 0, name, args)

    def _make_command(
        self, introduction: Mapping[str, Any], identity: int, name: str, args: Mapping[str, Any]
    ) -> Message:
        declared = introduction.get("commands")
        if declared and name not in declared and name not in BUILT_IN:
            raise InvalidCommandError(f"name: {name!r} is not one of {', '.join(sorted(declared))}")
        message = self._protocol.check("command", {"id": identity, "name": name, "args": dict(args)})
        if isinstance(message, Fault):
            raise InvalidCommandError(message.message)
        return message

    def _fail_pending(self, presence: Presence, reason: str) -> None:
        for answer in presence.pending.values():
            if not answer.done():
                answer.set_exception(OfflineError(reason))
        presence.pending.clear()


def _ignore(result: str, seconds: float) -> None:
    """Stands where nobody counts."""
