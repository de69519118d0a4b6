"""How long a connection may take to say what it wants, and how many from one place may be that slow at once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from darvaz.gateway.access.rate_limiter import network_of
from darvaz.gateway.address_counts import AddressCounts

log = logging.getLogger("darvaz.edge")

UNDECIDED_PER_SITE_MAX = 64
UNDECIDED_MAX = 2_048


class Crowd:
    """Counts the connections that have not yet said what they want, by the place they come from."""

    def __init__(self, deadline_s: float, links_per_site_max: int = 0, total_max: int = UNDECIDED_MAX) -> None:
        self.deadline_s = deadline_s
        # After a restart, all boards behind one address knock at once.
        self._per_site_max = max(UNDECIDED_PER_SITE_MAX, links_per_site_max)
        self._total_max = total_max
        self._counts = AddressCounts()
        # Whether the log has a line of the first that was cut off since none waited.
        self._is_noted = False

    def has_room(self, site: str) -> bool:
        """Says whether one more may wait; the first refusal since all was quiet is in the log."""
        if self._counts.of(site) < self._per_site_max and self._counts.total < self._total_max:
            return True
        if not self._is_noted:
            self._is_noted = True
            log.warning("= %s cut off: too many connections that ask for nothing", site)
        return False

    def enter(self, site: str) -> None:
        self._counts.enter(site)

    def leave(self, site: str) -> None:
        self._counts.leave(site)
        if not self._counts.total:
            self._is_noted = False


class PatientHttp(H11Protocol):
    """An HTTP connection that is cut off unless a whole request head comes in time, the first and each next."""

    crowd: ClassVar[Crowd]

    _site = ""
    _deadline: asyncio.TimerHandle | None = None
    _is_upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._site = network_of(self.client[0] if self.client else None)
        if self.crowd.has_room(self._site):
            self._begin_waiting()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._end_waiting()

    def handle_websocket_upgrade(self, event: Any) -> None:
        # The WebSocket has deadlines of its own.
        self._end_waiting()
        self._is_upgraded = True
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # What the client sent ahead may be under way by now.
        is_idle = self.cycle.response_complete and not self._is_upgraded and self._deadline is None
        if is_idle and not self.transport.is_closing():
            self._begin_waiting()

    def _begin_waiting(self) -> None:
        self.crowd.enter(self._site)
        self._deadline = self.loop.call_later(self.crowd.deadline_s, self._cut_off)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self.crowd.leave(self._site)

    def _cut_off(self) -> None:
        # Nothing was asked, so there is nothing to answer.
        self.transport.abort()


def patient(base: type[H11Protocol], crowd: Crowd) -> type[H11Protocol]:
    """Returns a protocol class whose connections share one crowd."""
    return type("Patient" + base.__name__, (PatientHttp, base), {"crowd": crowd})
