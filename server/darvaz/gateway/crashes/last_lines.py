"""The last lines of each board's log, for the crash report of a board that could not tell them itself."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

LINES_MAX: Final = 12
LINE_CHARS_MAX: Final = 256
# Devices whose last lines are kept in memory; beyond that the one that was heard first is forgotten.
DEVICES_MAX: Final = 1_000


class LastLines:
    """Subscribes to `log`. Compiled: every line of every board goes through it, and few are ever read."""

    def __init__(self) -> None:
        # Device → its last messages, the oldest first.
        self._messages: dict[str, deque[str]] = {}

    def receive(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        """Takes a line; nothing of a board that has not introduced itself."""
        if device is None:
            return
        messages = self._messages.get(device)
        if messages is None:
            messages = self._messages[device] = deque(maxlen=LINES_MAX)
            if len(self._messages) > DEVICES_MAX:
                del self._messages[next(iter(self._messages))]
        text: str = message.message
        messages.append(text if len(text) <= LINE_CHARS_MAX else text[:LINE_CHARS_MAX])

    def of(self, device: str) -> list[str]:
        """Returns the last lines of a device's log, the oldest first: the first line of each message."""
        return [text.partition("\n")[0] for text in self._messages.get(device, ())]

    def forget(self, device: str) -> None:
        """Forgets the lines of a device."""
        self._messages.pop(device, None)
