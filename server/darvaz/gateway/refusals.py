"""The journal's entries of refusals: a limited number a minute, by network and in all, with a count of the others.

A flood of refusals must displace neither other entries of the journal nor other lines of the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from darvaz.gateway.access.networks import network_of
from darvaz.gateway.access.rate_limiter import NETWORKS_MAX
from darvaz.gateway.journal.writer import Journal

log = logging.getLogger("darvaz.access")

ROWS_PER_NETWORK_MAX = 20
ROWS_MAX = 120
WINDOW_S = 60.0
# At the end of a window, at most these networks have an entry of their own with the number of their other refusals.
COUNTED_NETWORKS_MAX = 20

CallLater = Callable[[float, Callable[[], None]], Any]


class Refusals:
    """Writes refusals to the journal and the log. Used from the event loop only.

    A window begins with the first refusal; at its end the refusals without an entry are told by their number.
    """

    def __init__(self, journal: Journal, call_later: CallLater | None = None) -> None:
        self._journal = journal
        self._call_later = call_later
        # In this window, by network: entries written, and refusals without an entry. And entries in all.
        self._written: Counter[str] = Counter()
        self._others: Counter[str] = Counter()
        self._rows = 0
        # Refusals of networks that are too many to be counted one by one.
        self._uncounted = 0
        # Runs until the end of the window; None while there is no window.
        self._timer: Any = None

    def record(self, kind: str | None, address: str | None, reason: str) -> None:
        """Writes a refusal, or counts it; the kind is that of a board, None for people and programs."""
        self._open_window()
        network = network_of(address)
        if self._rows < ROWS_MAX and self._written[network] < ROWS_PER_NETWORK_MAX:
            self._rows += 1
            self._written[network] += 1
            self._write(kind, address or "", reason)
        elif network in self._others or len(self._others) < NETWORKS_MAX:
            self._others[network] += 1
        else:
            self._uncounted += 1

    def close(self) -> None:
        """Ends the window, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
            self._end_window()

    def _open_window(self) -> None:
        if self._timer is None:
            call_later = self._call_later or asyncio.get_running_loop().call_later
            self._timer = call_later(WINDOW_S, self._end_window)

    def _end_window(self) -> None:
        """Tells how many refusals have no entry, and forgets the window."""
        self._timer = None
        for network, count in self._others.most_common(COUNTED_NETWORKS_MAX):
            self._write(None, network, f"{count} more from here within {WINDOW_S:g} s")
            del self._others[network]
        rest = self._others.total() + self._uncounted
        if rest:
            self._write(None, "", f"{rest} more from other addresses within {WINDOW_S:g} s")
        self._written.clear()
        self._others.clear()
        self._rows = self._uncounted = 0

    def _write(self, kind: str | None, address: str, reason: str) -> None:
        self._journal.record(None, kind, address, "=", "refused", reason)
        log.info("= %s refused%s: %s", address or "several addresses", f" at /ws/{kind}" if kind else "", reason)
