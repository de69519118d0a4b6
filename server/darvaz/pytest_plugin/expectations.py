"""The log lines and values that a device reported since a test began, and how a test expects the next one."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from darvaz.client.types import JournalEntry
from darvaz.pytest_plugin.errors import NotSeenError
from darvaz.text.terminal import visible

LINES_MAX = 2000
VALUES_MAX = 2000
SHOWN_MAX = 30
POLL_S = 0.05
TRACEBACK = "Traceback (most recent call last)"
Value = float | str | bool
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """One line of a device's log; `number` counts lines and values together."""

    number: int
    time_s: float
    level: str
    text: str

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.time_s))
        first, *more = map(visible, self.text.split("\n"))
        return "\n".join([f"{clock}.{int(self.time_s * 1000) % 1000:03d} {self.level}: {first}", *more])


@dataclass(frozen=True, slots=True)
class ReportedValue:
    """One value of one name; `number` counts lines and values together."""

    number: int
    name: str
    value: Value


class Expectations:
    """Follows one device; `fetch(after_id)` returns the entries of the journal after one.

    An expectation considers what arrived since the test began, and after what an earlier one of its kind found.
    """

    def __init__(self, fetch: Callable[[int], list[JournalEntry]], after_id: int) -> None:
        # The newest of each, also from before the test.
        self._lines: deque[DeviceLine] = deque(maxlen=LINES_MAX)
        self._values: deque[ReportedValue] = deque(maxlen=VALUES_MAX)
        self._fetch = fetch
        # The id of the last entry that was read.
        self._after_id = after_id
        # Several expectations of an asyncio test can wait at once.
        self._lock = threading.Lock()
        # Numbers of lines and values: the last one, the last before the test, the last line that was found.
        self._count = self._begin = self._found_line = 0
        # By name: the number of the last value that was found.
        self._found_values: dict[str, int] = {}

    def begin(self) -> None:
        """Ignores what arrived before: a test begins."""
        self.update()
        self._begin = self._found_line = self._count
        self._found_values.clear()

    def update(self) -> None:
        """Reads what arrived since the last update."""
        __tracebackhide__ = True
        with self._lock:
            while entries := self._fetch(self._after_id):
                for entry in entries:
                    self._add(entry)
                self._after_id = entries[-1]["id"]

    def lines(self) -> list[DeviceLine]:
        """Returns the log lines since the test began."""
        return [line for line in list(self._lines) if line.number > self._begin]

    def values(self) -> list[ReportedValue]:
        """Returns the values since the test began."""
        return [value for value in list(self._values) if value.number > self._begin]

    def expect_line(self, pattern: str, timeout_s: float) -> str:
        """Returns the next log line with the pattern; raises `NotSeenError` with those that arrived."""
        __tracebackhide__ = True
        regex = re.compile(pattern)

        def find() -> DeviceLine | None:
            lines = self.lines()
            return next((x for x in lines if x.number > self._found_line and regex.search(x.text)), None)

        line = self._wait(find, timeout_s)
        if line is None:
            raise NotSeenError(f"no log line {pattern!r} in {timeout_s:g} s; {self._describe_lines()}")
        self._found_line = line.number
        return line.text

    def expect_value(self, name: str, matches: Callable[[Value], bool], condition: str, timeout_s: float) -> Value:
        """Returns the next matching value of a name; raises `NotSeenError` with those that arrived."""
        __tracebackhide__ = True

        def find() -> ReportedValue | None:
            after = self._found_values.get(name, 0)
            values = (x for x in self.values() if x.number > after and x.name == name)
            return next((x for x in values if matches(x.value)), None)

        found = self._wait(find, timeout_s)
        if found is None:
            raise NotSeenError(f"no {name}{condition} in {timeout_s:g} s; {self._describe_values(name)}")
        self._found_values[name] = found.number
        return found.value

    def _wait(self, find: Callable[[], _Found | None], timeout_s: float) -> _Found | None:
        __tracebackhide__ = True
        give_up_s = time.monotonic() + timeout_s
        while True:
            # The last look is after the deadline: what arrived in time counts.
            is_over = time.monotonic() >= give_up_s
            self.update()
            found = find()
            if found is not None or is_over:
                return found
            time.sleep(POLL_S)

    def _add(self, entry: JournalEntry) -> None:
        if entry["direction"] != "<" or entry["type"] not in ("log", "telemetry"):
            return
        try:
            message: dict[str, Any] = json.loads(entry["payload"])
        except ValueError:
            # The journal cuts very long messages.
            return
        if entry["type"] == "log":
            self._count += 1
            level, text = message.get("level", "info"), message.get("message", "")
            self._lines.append(DeviceLine(self._count, entry["time"], level, text))
            return
        for name, value in message.get("values", {}).items():
            self._count += 1
            self._values.append(ReportedValue(self._count, name, value))

    def _describe_lines(self) -> str:
        lines = self.lines()[-SHOWN_MAX:]
        if not lines:
            return "the device logged nothing since the test began"
        return "the device logged instead:\n" + "\n".join(map(str, lines))

    def _describe_values(self, name: str) -> str:
        values = [value.value for value in self.values() if value.name == name]
        if values:
            return f"values of {name} were: " + ", ".join(map(repr, values[-SHOWN_MAX:]))
        others = sorted({value.name for value in self.values()})
        return f"the device reported {', '.join(others)}" if others else "the device reported no values meanwhile"
