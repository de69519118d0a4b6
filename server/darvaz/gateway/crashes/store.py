"""The crashes that boards reported, and those that are seen at a new start: groups, counted by device and release."""

from __future__ import annotations

import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET

from darvaz.gateway.crashes.fingerprint import fingerprint, title
from darvaz.gateway.crashes.last_lines import DEVICES_MAX, LINES_MAX, LastLines
from darvaz.gateway.events.bus import EventBus

TABLE = "crashes"
GROUPS_MAX = 500
# Of one group; crashes of more devices or releases are counted together.
NAMES_MAX = 200
OTHERS = "(others)"
# A Pico cannot tell its watchdog from other resets by software.
_WATCHDOG, _UNCLEAR = "watchdog", "reset_or_watchdog"


class CrashReport(msgspec.Struct, kw_only=True):
    """The newest crash of a group, as far as the board could tell."""

    device: str
    time: float
    traceback: str = ""
    boot_id: str = ""
    reset_cause: str | None = None
    release: str = ""
    ran_ms: float | None = None
    heap_free_bytes: int | None = None
    heap_largest_bytes: int | None = None
    log: list[str] = []


class CrashGroup(msgspec.Struct, kw_only=True):
    """Crashes of the same kind: how many, of which devices and releases, and when, in Unix seconds.

    The release of a program that was flashed by USB is empty.
    """

    id: str
    reason: str
    title: str
    count: int
    first_seen: float
    last_seen: float
    devices: dict[str, int]
    releases: dict[str, int]
    report: CrashReport


class _Start(msgspec.Struct):
    """What is remembered of a board's start before this one."""

    boot_id: str
    release: str
    cause: str | None
    """Why the start after it happened."""
    lines: list[str]
    """The last lines of its log that arrived."""
    counted: str | None = None
    """The group in which its end was counted without a report of the board."""


class Crashes:
    """Subscribes to the bus. Used from the event loop only; `connection` writes to the disk in the background.

    `introduction_of(device)` returns the last `connect` of a device, and whether its link is open.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        introduction_of: Callable[[str], tuple[dict[str, Any], bool] | None],
        bus: EventBus,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._introduction_of = introduction_of
        self._bus = bus
        self._unix_s = unix_s
        self._lines = LastLines()
        # Device → its start before the newest; of as many devices as have last lines.
        self._before: OrderedDict[str, _Start] = OrderedDict()
        self.on_found: Callable[[str, str, str], None] = _ignore
        """Is called with device, boot_id and title of a crash that the board does not know of itself."""
        bus.subscribe(("connect",), self._on_connect)
        bus.subscribe(("log",), self._lines.receive)
        bus.subscribe(("crash",), self._on_crash)

    # Reading

    def all(self, device: str | None = None) -> list[CrashGroup]:
        """Returns the groups, the newest first; of one device if it is given."""
        rows = self._connection.execute(f"SELECT body FROM {TABLE} ORDER BY last_s DESC").fetchall()
        groups = [msgspec.json.decode(body, type=CrashGroup) for (body,) in rows]
        return [group for group in groups if device is None or device in group.devices]

    def get(self, identity: str) -> CrashGroup | None:
        """Returns one group, or None."""
        row = self._connection.execute(f"SELECT body FROM {TABLE} WHERE id = ?", (identity,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=CrashGroup)

    # Changing

    def delete(self, identity: str) -> bool:
        """Forgets a group and returns whether it was there; the next crash of its kind is the first again."""
        return self._connection.execute(f"DELETE FROM {TABLE} WHERE id = ?", (identity,)).rowcount > 0

    def forget(self, device: str) -> None:
        """Forgets a device: its counts, and the groups that are of it alone."""
        self._lines.forget(device)
        self._before.pop(device, None)
        for group in self.all(device):
            group.count -= group.devices.pop(device)
            if group.devices and group.report.device != device:
                self._put(group)
            else:
                self.delete(group.id)

    def add(self, device: str, reason: str, report: CrashReport) -> CrashGroup:
        """Counts a crash and returns its group."""
        identity, now_s = fingerprint(reason, report.traceback), report.time
        group = self.get(identity)
        if group is None:
            self._make_room()
            group = CrashGroup(
                id=identity, reason=reason, title=title(reason, report.traceback), count=0, first_seen=now_s,
                last_seen=now_s, devices={}, releases={}, report=report,
            )  # fmt: skip
        elif (group.report.device, group.report.boot_id) == (device, report.boot_id) and report.boot_id:
            # Told again: the board did not know that it had arrived.
            return group
        group.count += 1
        group.last_seen, group.report = now_s, report
        _count(group.devices, device)
        _count(group.releases, report.release)
        self._put(group)
        return group

    def _put(self, group: CrashGroup) -> None:
        self._connection.execute(
            f"INSERT INTO {TABLE} (id, last_s, body) VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET last_s = excluded.last_s, body = excluded.body",
            (group.id, group.last_seen, msgspec.json.encode(group).decode()),
        )

    def _make_room(self) -> None:
        (count,) = self._connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone()
        if count >= GROUPS_MAX:
            ((oldest,),) = self._connection.execute(f"SELECT id FROM {TABLE} ORDER BY last_s LIMIT 1").fetchall()
            self.delete(oldest)

    # From the bus

    def _on_connect(self, _: str, device: str | None, message: Any, happened_s: float) -> None:
        """Compares a new start with the one before; comes before the hub takes over the link."""
        if device is None or message.boot_id is UNSET:
            return
        known = self._introduction_of(device)
        if known is None or known[0].get("boot_id") in (None, message.boot_id):
            return
        fields, was_online = known
        cause = None if message.reset_cause is UNSET else message.reset_cause
        lines = self._lines.of(device)
        self._lines.forget(device)
        start = _Start(fields["boot_id"], fields.get("program", {}).get("release", ""), cause, lines)
        self._before[device] = start
        if len(self._before) > DEVICES_MAX:
            self._before.popitem(last=False)
        # A program that ends by itself closes its link; a watchdog and a power cut do not.
        if cause == _WATCHDOG or (cause == _UNCLEAR and was_online):
            self._find(device, start, happened_s)

    def _find(self, device: str, start: _Start, happened_s: float) -> None:
        report = CrashReport(
            device=device, time=happened_s, boot_id=start.boot_id, release=start.release,
            reset_cause=start.cause, log=start.lines,
        )  # fmt: skip
        group = self.add(device, _WATCHDOG, report)
        start.counted = group.id
        self.on_found(device, start.boot_id, group.title)

    def _on_crash(self, _: str, device: str | None, message: Any, happened_s: float) -> None:
        if device is None or message.reason == _WATCHDOG:
            return
        fields = {name: value for name, value in msgspec.to_builtins(message).items() if name in _REPORTED}
        before, lines = self._before.get(device), self._lines.of(device)
        # A program that died before it had a boot_id was the one before this start.
        if before is not None and message.boot_id in (before.boot_id, ""):
            fields.setdefault("release", before.release)
            fields["reset_cause"], lines = before.cause, before.lines
            self._uncount(device, before)
        more = fields.get("log", [])
        fields["log"] = [*(line for line in lines if line not in more), *more][-LINES_MAX:]
        self.add(device, message.reason, CrashReport(device=device, time=self._unix_s(), **fields))

    def _uncount(self, device: str, start: _Start) -> None:
        """Takes back what was counted before the board told more of it."""
        group = self.get(start.counted or "")
        start.counted = None
        if group is None or group.report.boot_id != start.boot_id:
            return
        group.count -= 1
        for names, name in ((group.devices, device), (group.releases, start.release)):
            if name in names:
                names[name] -= 1
                if not names[name]:
                    del names[name]
        if group.count > 0:
            self._put(group)
        else:
            self.delete(group.id)


_REPORTED = {"traceback", "boot_id", "release", "ran_ms", "heap_free_bytes", "heap_largest_bytes", "log"}


def _count(names: dict[str, int], name: str) -> None:
    if name not in names and len(names) >= NAMES_MAX:
        name = OTHERS
    names[name] = names.get(name, 0) + 1


def _ignore(device: str, boot_id: str, title: str) -> None:
    """Stands where nobody is told."""
