"""The log of clients that nodes refuse: one line for each address and minute, with the number of the others.

A client with a wrong key tries again every few seconds, for days, at each board.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger("darvaz.esphome")

WINDOW_S = 60.0
# Addresses that are counted one by one; the others are one more.
ADDRESSES_MAX = 256
_OTHERS = "other addresses"


@dataclass(slots=True)
class _Window:
    began_s: float
    unwritten: int = 0
    """Refusals without a line."""


class RefusedClients:
    """Writes a refusal, or counts it. Used from the event loop only."""

    def __init__(self, write: Callable[..., None] = log.info) -> None:
        self._write = write
        self._windows: dict[str, _Window] = {}

    def record(self, address: str, node: str, reason: str, now_s: float) -> None:
        """Writes a line for the first refusal of an address in a minute; at the minute's end come the others."""
        if address not in self._windows and len(self._windows) >= ADDRESSES_MAX:
            address = _OTHERS
        window = self._windows.get(address)
        if window is not None:
            window.unwritten += 1
            return
        self._windows[address] = _Window(now_s)
        self._write("= %s refused at %s: %s", address, node, reason)

    def tick(self, now_s: float) -> None:
        """Tells of minutes that are over."""
        for address, window in list(self._windows.items()):
            if now_s - window.began_s < WINDOW_S:
                continue
            del self._windows[address]
            if window.unwritten:
                self._write("= %s refused %d more times within %g s", address, window.unwritten, WINDOW_S)
