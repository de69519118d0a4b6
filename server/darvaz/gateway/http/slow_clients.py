"""Slow clients: how long a connection may take to send a request head, and how many connections may wait at once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from darvaz.gateway.access.rate_limiter import network_of
from darvaz.gateway.address_counts import AddressCounts

log = logging.getLogger("darvaz.http")

PENDING_PER_NETWORK_MAX = 64
PENDING_MAX = 2_048


class PendingConnections:
    """The connections whose request is not complete: counted in all and by network (`network_of`), both bounded."""

    def __init__(self, deadline_s: float, links_per_address_max: int = 0, total_max: int = PENDING_MAX) -> None:
        # Seconds that a client has for a whole request head.
        self.deadline_s = deadline_s
        # After a restart, all boards behind one address connect at once.
        self._per_network_max = max(PENDING_PER_NETWORK_MAX, links_per_address_max)
        self._total_max = total_max
        self._counts = AddressCounts()
        # Whether a rejected connection is in the log; set back when none is pending.
        self._is_logged = False

    def has_room(self, network: str) -> bool:
        """Whether one more may wait; the first rejected connection of a rush is logged."""
        if self._counts.of(network) < self._per_network_max and self._counts.total < self._total_max:
            return True
        if not self._is_logged:
            self._is_logged = True
            log.warning("= %s cut off: too many connections that send no request", network)
        return False

    def enter(self, network: str) -> None:
        self._counts.enter(network)

    def leave(self, network: str) -> None:
        self._counts.leave(network)
        if not self._counts.total:
            self._is_logged = False


class HeaderTimeoutH11(H11Protocol):
    """An HTTP connection that is cut off unless each request head is complete in time, the first and all later ones."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        pending: PendingConnections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._pending = pending
        # The client's network, as `pending` counts it.
        self._network = ""
        # Runs while a request head is awaited, and only then the connection is counted as pending.
        self._deadline: asyncio.TimerHandle | None = None
        self._is_upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._network = network_of(self.client[0] if self.client else None)
        if self._pending.has_room(self._network):
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
        # A pipelined request (RFC 9112, section 9.3.2) may have begun already.
        is_idle = self.cycle.response_complete and not self._is_upgraded and self._deadline is None
        if is_idle and not self.transport.is_closing():
            self._begin_waiting()

    def _begin_waiting(self) -> None:
        self._pending.enter(self._network)
        self._deadline = self.loop.call_later(self._pending.deadline_s, self._cut_off)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._pending.leave(self._network)

    def _cut_off(self) -> None:
        # There is no request, so there is no response.
        self.transport.abort()
