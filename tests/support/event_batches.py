"""Events of a process that runs tests, many in one message: alone, those of a short test cost more than the test.

Each would wake a thread of the controller, which wakes another.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Event = tuple[str, dict[str, Any]]

# The name of the event that has several others.
SEVERAL = "several"
# As long an event waits at most for others.
WAIT_S = 0.05
# With fewer tests left, a process tells at once, so that it is given more before it has none.
LEFT_MIN = 3
# `--durations` shows no shorter ones.
SHOWN_DURATION_S = 0.005


class EventBatches:
    """Sends events to the controller; `left` returns how many tests the process was given and has not begun.

    What waits is in a file too, where the controller finds it if the process ends in the middle of a test.
    """

    def __init__(self, send: Callable[[object], None], left: Callable[[], int], file: Path, is_verbose: bool) -> None:
        self._send = send
        self._left = left
        self._is_verbose = is_verbose
        self._kept: list[Event] = []
        self._file = file.open("wb", buffering=0)
        self._lock = threading.Lock()
        self._has_kept = threading.Event()
        threading.Thread(target=self._send_late, name="events", daemon=True).start()

    def send(self, event: Event) -> None:
        """Sends an event with those before it, now or soon; leaves out what nobody shows."""
        if self._is_shown(*event):
            with self._lock:
                self._kept.append(event)
                if self._may_wait(*event):
                    self._file.write(pickle.dumps(event))
                    self._has_kept.set()
                else:
                    self._send_kept()

    def _is_shown(self, name: str, values: dict[str, Any]) -> bool:
        """Whether anybody hears of it: of setups and teardowns only what took long or failed."""
        if name == "logstart":
            return self._is_verbose
        data = values.get("data", {})
        is_passed = name == "testreport" and data["outcome"] == "passed" and data["when"] != "call"
        return not is_passed or bool(data["duration"] >= SHOWN_DURATION_S)

    def _may_wait(self, name: str, values: dict[str, Any]) -> bool:
        if name == "runtest_protocol_complete":
            return self._left() >= LEFT_MIN
        return name in ("logstart", "logfinish") or (name == "testreport" and values["data"]["outcome"] != "failed")

    def _send_kept(self) -> None:
        kept, self._kept = self._kept, []
        self._has_kept.clear()
        if kept:
            self._file.seek(0)
            self._file.truncate()
            self._send((SEVERAL, pickle.dumps(kept)))

    def _send_late(self) -> None:
        while True:
            self._has_kept.wait()
            time.sleep(WAIT_S)
            with self._lock:
                self._send_kept()


def one_by_one(process: Callable[[object], None], file: Path) -> Callable[[object], None]:
    """Returns what has each event of a message processed, in the controller; at the end, also what waits in a file."""

    def process_each(event: object) -> None:
        if not isinstance(event, tuple):
            events = [*_kept_in(file), event]
        else:
            events = pickle.loads(event[1]) if event[0] == SEVERAL else [event]
        for each in events:
            process(each)

    return process_each


def _kept_in(file: Path) -> Iterator[Event]:
    with contextlib.suppress(FileNotFoundError, EOFError), file.open("rb") as kept:
        while True:
            yield pickle.load(kept)
