"""Connects the crashes with the devices, and tells journal and bus of those that the gateway finds itself."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from darvaz.gateway.crashes.store import Crashes
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault


def build_crashes(
    connection: sqlite3.Connection, devices: Devices, hub: Hub, journal: Journal, protocol: MessageCodec, bus: EventBus
) -> Crashes:
    """Returns the crashes, which from now on see what the bus has."""

    def introduction_of(device: str) -> tuple[dict[str, Any], bool] | None:
        known = devices.get(device)
        return None if known is None else (known.introduction, hub.is_online(device))

    def tell(device: str, boot_id: str, title: str) -> None:
        journal.record(device, hub.kind_of(device), "", "=", "crash", title)
        message = protocol.check("crash", {"reason": "watchdog", "boot_id": boot_id})
        if not isinstance(message, Fault):
            bus.publish("crash", device, message, time.time())

    crashes = Crashes(connection, introduction_of, bus)
    crashes.on_found = tell
    return crashes
