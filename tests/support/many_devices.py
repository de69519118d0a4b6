"""Thousands of devices in a gateway in process, with all that a board can say of itself, and without their links."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from darvaz.gateway.devices.description import Protection
from darvaz.gateway.devices.registry import KnownDevice
from darvaz.gateway.parts import Parts
from darvaz.protocol.codec import Message

COMMANDS: dict[str, Any] = {
    f"command_{number:02}": {"angle": {"type": "number", "min": 0, "max": 180, "unit": "°"}} for number in range(20)
}
NAMES: dict[str, Any] = {f"name_{number:02}": {"unit": "°C"} for number in range(20)}


# Of the others there are no values: the history would be busy for seconds.
REPORTING_MAX = 200


class SilentLink:
    """A link that takes everything and does nothing."""

    kind_name = "pico"
    address = "192.0.2.7"
    protection: Protection = "open"

    def __init__(self, device: str) -> None:
        self.device: str | None = device

    def send_command(self, message: Message) -> bool:
        return True

    def close(self, name: str, message: str) -> None:
        pass


class AnsweringLink(SilentLink):
    """A link whose board carries out each command in the next turn of the event loop."""

    def __init__(self, device: str, parts: Parts) -> None:
        super().__init__(device)
        self._parts = parts

    def send_command(self, message: Message) -> bool:
        ack = self._parts.protocol.types["ack"]
        answer = msgspec.convert({"type": "ack", "id": message.id, "status": "ok"}, ack)  # type: ignore[attr-defined]
        asyncio.get_running_loop().call_soon(self._parts.hub.acknowledge, self, answer)
        return True


def remember_many(parts: Parts, first: int, end: int) -> None:
    """Makes devices known that are away, and of which little is known."""
    for number in range(first, end):
        known = KnownDevice.introduced(f"board-{number:05}", "pico", "192.0.2.7", {}, parts.unix_s())
        parts.devices.remember(known, is_here=False)


def connect_many(parts: Parts, count: int) -> list[str]:
    """Makes devices known and present, and returns their ids in order; they carry out what they are sent."""
    connect, telemetry = parts.protocol.types["connect"], parts.protocol.types["telemetry"]
    report = msgspec.convert({"type": "telemetry", "values": dict.fromkeys(NAMES, 21.5)}, telemetry)
    fields = {"type": "connect", "version": "1.2.0", "board": "Pico W", "commands": COMMANDS, "telemetry": NAMES}
    ids = [f"board-{number:05}" for number in range(count)]
    for device in ids:
        # Decoded for each of them, as from the wire.
        introduction = msgspec.json.decode(msgspec.json.encode(fields | {"device": device}), type=connect)
        parts.hub.join(device, AnsweringLink(device, parts), introduction)
        parts.telemetry.receive("connect", device, introduction, parts.unix_s())
    for device in ids[:REPORTING_MAX]:
        parts.telemetry.receive_reports(device, [(parts.unix_s(), report)])
    return ids
