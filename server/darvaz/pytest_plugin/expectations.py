"""What a device told the gateway since a test began: its log lines and measured values."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

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
class LogLine:
    """One line of a device's log; `number` counts all that was heard."""

    number: int
    time_s: float
    level: str
    text: str

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.time_s))
        first, *more = map(visible, self.text.split("\n"))
        return "\n".join([f"{clock}.{int(self.time_s * 1000) % 1000:03d} {self.level}: {first}", *more])


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value; `number` counts all that was heard."""

    number: int
    name: str
    value: Value


class Hearing:
    """Follows what a device says; `fetch(after_id)` returns rows of the journal after one.

    An expectation looks at what came since the test began, and after what an earlier one of its kind found.
    """

    def __init__(self, fetch: Callable[[int], list[dict[str, Any]]], after_id: int) -> None:
        self._lines: deque[LogLine] = deque(maxlen=LINES_MAX)
        self._readings: deque[Reading] = deque(maxlen=VALUES_MAX)
        self._fetch = fetch
        self._after_id = after_id
        # Expectations of an asyncio test wait side by side.
        self._lock = threading.Lock()
        self._count = self._begin = self._found_line = 0
        self._found_readings: dict[str, int] = {}

    def begin(self) -> None:
        """Forgets, for expectations, what was said so far: a test begins."""
        self.listen()
        self._begin = self._found_line = self._count
        self._found_readings.clear()

    def listen(self) -> None:
        """Takes in what was said since the last time."""
        __tracebackhide__ = True
        with self._lock:
            while rows := self._fetch(self._after_id):
                for row in rows:
                    self._take(row)
                self._after_id = rows[-1]["id"]

    def lines(self) -> list[LogLine]:
        """Returns the log since the test began."""
        return [line for line in list(self._lines) if line.number > self._begin]

    def readings(self) -> list[Reading]:
        """Returns the measured values since the test began."""
        return [reading for reading in list(self._readings) if reading.number > self._begin]

    def expect_line(self, pattern: str, timeout_s: float) -> str:
        """Returns the next log line that has the pattern; raises `NotSeenError` with those that came."""
        __tracebackhide__ = True
        wanted = re.compile(pattern)

        def look() -> LogLine | None:
            lines = self.lines()
            return next((x for x in lines if x.number > self._found_line and wanted.search(x.text)), None)

        line = self._wait(look, timeout_s)
        if line is None:
            raise NotSeenError(f"no log line {pattern!r} in {timeout_s:g} s; {self._describe_lines()}")
        self._found_line = line.number
        return line.text

    def expect_reading(self, name: str, is_wanted: Callable[[Value], bool], wanted: str, timeout_s: float) -> Value:
        """Returns the next value of a name that is wanted; raises `NotSeenError` with those that came."""
        __tracebackhide__ = True

        def look() -> Reading | None:
            after = self._found_readings.get(name, 0)
            readings = (x for x in self.readings() if x.number > after and x.name == name)
            return next((x for x in readings if is_wanted(x.value)), None)

        reading = self._wait(look, timeout_s)
        if reading is None:
            raise NotSeenError(f"no {name}{wanted} in {timeout_s:g} s; {self._describe_readings(name)}")
        self._found_readings[name] = reading.number
        return reading.value

    def _wait(self, look: Callable[[], _Found | None], timeout_s: float) -> _Found | None:
        __tracebackhide__ = True
        give_up = time.monotonic() + timeout_s
        while True:
            # The last look comes after the last moment: what came in time counts.
            is_over = time.monotonic() >= give_up
            self.listen()
            found = look()
            if found is not None or is_over:
                return found
            time.sleep(POLL_S)

    def _take(self, row: dict[str, Any]) -> None:
        if row["direction"] != "<" or row["type"] not in ("log", "telemetry"):
            return
        try:
            message: dict[str, Any] = json.loads(row["payload"])
        except ValueError:
            # The journal cuts what is very long.
            return
        if row["type"] == "log":
            self._count += 1
            level, text = message.get("level", "info"), message.get("message", "")
            self._lines.append(LogLine(self._count, row["time"], level, text))
            return
        for name, value in message.get("values", {}).items():
            self._count += 1
            self._readings.append(Reading(self._count, name, value))

    def _describe_lines(self) -> str:
        lines = self.lines()[-SHOWN_MAX:]
        if not lines:
            return "the device logged nothing since the test began"
        return "the device logged instead:\n" + "\n".join(map(str, lines))

    def _describe_readings(self, name: str) -> str:
        values = [reading.value for reading in self.readings() if reading.name == name]
        if values:
            return f"values of {name} were: " + ", ".join(map(repr, values[-SHOWN_MAX:]))
        others = sorted({reading.name for reading in self.readings()})
        return f"the device reported {', '.join(others)}" if others else "the device reported no values meanwhile"
