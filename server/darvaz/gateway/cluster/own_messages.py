"""Messages of the boards here with the numbers of their entries in the journal, as many together as came together.

A link publishes messages, and journals all of one read right after that. So what is published waits until the journal
has it, which is in the same turn of the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from darvaz.gateway.events.bus import TELEMETRY
from darvaz.gateway.journal.batches import PAYLOAD_CHARS_MAX

# Its type; the message; when it happened, in Unix seconds; the number of its entry, 0 if it is in no journal; and its
# text as the board sent it, empty where the journal does not keep all of it.
OwnMessage = tuple[str, Any, float, int, str]
# Device, and its messages in the order of their arrival.
OwnSubscriber = Callable[[str, list[Any]], None]

_ACK: Final = "ack"


class OwnMessages:
    """Gives messages their numbers. Used from the event loop only."""

    def __init__(self, hand_on: OwnSubscriber) -> None:
        # Is called with what has its numbers, or will have none.
        self._hand_on_to = hand_on
        # Device → type, message and time of what has no number yet, the oldest first.
        self._waiting: dict[str, list[Any]] = {}

    def wait(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        """Takes a message that was published."""
        if device is not None:
            self._list_of(device).append((type_, message, happened_s))

    def wait_reports(self, device: str, reports: list[Any]) -> None:
        """Takes reports that were published together."""
        waiting = self._list_of(device)
        for happened_s, message in reports:
            waiting.append((TELEMETRY, message, happened_s))

    def _list_of(self, device: str) -> list[Any]:
        waiting = self._waiting.get(device)
        if waiting is None:
            if not self._waiting:
                asyncio.get_running_loop().call_soon(self._hand_on_rest)
            waiting = self._waiting[device] = []
        return waiting

    def number(self, first_id: int, device: str | None, entries: list[Any]) -> None:
        """Takes that the journal has accepted entries, and hands on the messages that they are of."""
        waiting = None if device is None else self._waiting.get(device)
        if device is None or not waiting:
            return
        found: list[Any] = []
        at, count, entry_id = 0, len(waiting), first_id
        for entry in entries:
            if at < count and entry[0] == "<" and entry[1] == waiting[at][0]:
                type_, message, happened_s = waiting[at]
                text: str = entry[2]
                found.append((type_, message, happened_s, entry_id, text if len(text) <= PAYLOAD_CHARS_MAX else ""))
                at += 1
            entry_id += 1
        del waiting[:at]
        if found:
            self._hand_on_to(device, found)

    def _hand_on_rest(self) -> None:
        """Hands on what is in no journal: such an event has no place in the stream."""
        waiting, self._waiting = self._waiting, {}
        for device, messages in waiting.items():
            if messages:
                self._hand_on_to(device, [(*message, 0, "") for message in messages])


def rows_of(
    device: str, messages: list[Any], journal: str, dump: Callable[[Any], str], last_args: Any
) -> tuple[list[Any], int]:
    """Returns messages as other gateways get them (`SharedMessage`), and the characters of their texts."""
    rows: list[Any] = []
    chars = 0
    for type_, message, happened_s, entry_id, text in messages:
        body: str = text or dump(message)
        chars += len(body)
        args = last_args if type_ == _ACK else None
        rows.append((device, happened_s, body, args, journal if entry_id else "", entry_id))
    return rows, chars
