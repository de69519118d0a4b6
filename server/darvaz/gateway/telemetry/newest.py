"""The newest values of devices over a restart of the gateway, in a table of the history.

They are written with the readings of each flush; what came after the last flush is in the record log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

import msgspec

from darvaz.gateway.telemetry.recent import Report, Value

NAMES_PER_DEVICE_MAX = 64
# How a board is: the history has it beside the values that makers name.
HEALTH_NAMES = frozenset({"rssi_dbm", "heap_free_bytes"})


class Reading(msgspec.Struct):
    """One value and when it was so, in Unix seconds."""

    value: Value
    time: float


class Vitals(msgspec.Struct):
    """How a board is, by its last report."""

    rssi_dbm: int | None = None
    heap_free_bytes: int | None = None
    uptime_s: float | None = None


# The start of the board (`boot_id`, "" if it does not tell), and its newest values by name, the oldest first.
Newest = tuple[str, dict[str, Reading]]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Reading]).decode


def write_newest(connection: sqlite3.Connection, devices: Iterable[str], newest: Callable[[str], Newest]) -> None:
    """Writes the newest values of devices, as `newest` gives them; inside a transaction."""
    found = ((device, *newest(device)) for device in devices)
    rows = [(device, boot, _encode(readings).decode()) for device, boot, readings in found if readings or boot]
    connection.executemany("INSERT OR REPLACE INTO newest (device, boot, readings) VALUES (?, ?, ?)", rows)


def forget_newest(connection: sqlite3.Connection, device: str) -> None:
    """Deletes those of a device; inside a transaction."""
    connection.execute("DELETE FROM newest WHERE device = ?", (device,))


def load_newest(connection: sqlite3.Connection) -> dict[str, Newest]:
    """Returns the newest values of every device, by its id."""
    rows = connection.execute("SELECT device, boot, readings FROM newest")
    return {device: (boot, _decode(readings)) for device, boot, readings in rows}


def add_report(known: dict[str, Newest], report: Report) -> None:
    """Adds what a record says that came after them; of a later start of the board, nothing before is known."""
    device, time_ms, values, boot, _ = report
    if not boot and values.keys() <= HEALTH_NAMES:
        return
    before, readings = known.get(device, (boot, {}))
    if boot and before and before != boot:
        readings = {}
    for name, value in values.items():
        put(readings, name, Reading(value, time_ms / 1000))
    known[device] = (boot or before, readings)


def put(readings: dict[str, Reading], name: str, reading: Reading) -> None:
    """Keeps a reading as the newest of its name; beyond the maximum the least recently reported name is dropped."""
    # Inserted again, to keep the least recently reported name first.
    readings.pop(name, None)
    readings[name] = reading
    if len(readings) > NAMES_PER_DEVICE_MAX:
        del readings[next(iter(readings))]
