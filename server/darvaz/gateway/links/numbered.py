"""The numbers of a board's messages: each is taken once, what is missing is counted; one for each link."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from darvaz.gateway.links.confirmations import Confirmations
from darvaz.gateway.storage.recorder import Recorder
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.websocket.interface import PacketConnection

UNSET: Final = msgspec.UNSET
REPEATED: Final = -1


class Numbered:
    """Knows the board's start; boards that tell none, or number nothing, cost a comparison."""

    __slots__ = ("_boot", "_confirmations", "_device", "_fresh", "_recorder", "_sequences")

    def __init__(self, sequences: Sequences, recorder: Recorder) -> None:
        self._sequences = sequences
        self._recorder = recorder
        # None before the first number, as `_fresh`.
        self._confirmations: Confirmations | None = None
        self._device = self._boot = ""
        # Numbers that were taken and are not in the journal yet; None if there are none.
        self._fresh: list[int] | None = None

    def begin(self, connect: Any) -> None:
        """Takes the introduction."""
        self._device = connect.device
        self._boot = "" if connect.boot_id is UNSET else connect.boot_id

    def take(self, message: Any, connection: PacketConnection, is_urgent: bool) -> int:
        """Returns how many messages are missing before this one, or REPEATED; pings behind it wait for the disk."""
        if not self._boot:
            return 0
        if self._confirmations is None:
            self._confirmations = Confirmations(self._recorder)
        self._confirmations.note(connection, is_urgent)
        number = message.seq
        lost = self._sequences.take(self._device, self._boot, number)
        if lost is None:
            return REPEATED
        if self._fresh is None:
            self._fresh = [number]
        else:
            self._fresh.append(number)
        return lost

    def take_fresh(self) -> Any:
        """Returns what the journal stores beside the entries; None if there are no numbers."""
        numbers = self._fresh
        if numbers is None:
            return None
        self._fresh = None
        return (self._device, self._boot, numbers)
