"""Which gateway of the cluster carries rollouts out: one at a time, another one once that is silent or stops.

It is the one that an entry of a bucket names; the revision of that entry is its term, which only grows. A gateway that
leads stops by itself, before the others take it for dead, when its own heartbeat or the answer that it leads does not
come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection, OutdatedError
from darvaz.gateway.cluster.nodes import DEAD_S, LivingNodes

log = logging.getLogger("darvaz.cluster")

ROLLOUTS_BUCKET = "dv_rollouts"
# Shorter than the others wait.
LEASE_S = DEAD_S * 5 / 8
_LEADER = "leader"
_LOOK_S = 1.0
# Who has heard from the one that leads asks NATS no more often than this.
FAR_LOOK_S = 10.0


class Leadership:
    """Looks who leads, and leads where nobody does. Used from the event loop only.

    `may_lead` says whether this gateway can; `catch_up` has it know what the one before has written.
    """

    def __init__(
        self, nodes: LivingNodes, may_lead: Callable[[], bool], catch_up: Callable[[NatsConnection], Awaitable[bool]]
    ) -> None:
        self._nodes = nodes
        self._may_lead = may_lead
        self._catch_up = catch_up
        self._leads = False
        # When the question was sent whose answer was that this gateway leads. A heartbeat that comes back may be old.
        self._asked_s = 0.0
        # When it was asked last, whatever the answer.
        self._looked_s = 0.0
        self._hurried = asyncio.Event()
        self.leader: str | None = None
        """The gateway that leads, as was seen last."""
        self.term = 0
        """Of the newest leader that was seen: what others send is refused."""
        self.own_term = 0
        """In which this gateway led last."""
        self.on_change: Callable[[bool], None] = _ignore
        """Is called when this gateway begins to lead (true), or ends (false)."""

    @property
    def is_leading(self) -> bool:
        """Whether this gateway leads, and no other one can yet."""
        now_s = time.monotonic()
        return self._leads and now_s - self._asked_s <= LEASE_S and self._nodes.is_proven(now_s, LEASE_S)

    async def run(self, connection: NatsConnection) -> None:
        """Looks until it is cancelled."""
        try:
            while True:
                if self.is_due(time.monotonic()):
                    try:
                        await self.look(connection)
                    except ClusterError as error:
                        log.debug("= who carries rollouts out is not known: %s", error)
                if self._leads and not self.is_leading:
                    self._end()
                self._hurried.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._hurried.wait()
        finally:
            self.leader = None
            self._end()

    def look_soon(self) -> None:
        """Looks without waiting for the next time."""
        self._hurried.set()

    def is_due(self, now_s: float) -> bool:
        """Whether NATS is asked now: each time by the one that leads; by others while no heartbeat says who does."""
        leader = self.leader
        if leader is None or leader == self._nodes.own or leader not in self._nodes:
            return True
        is_told = self._nodes.term_of(leader) == self.term and self._nodes.newest_term <= self.term
        return not is_told or now_s - self._looked_s >= FAR_LOOK_S

    async def look(self, connection: NatsConnection) -> None:
        """Asks who leads, and leads from now on where nobody does."""
        asked_s = self._looked_s = time.monotonic()
        value, revision = await connection.get(ROLLOUTS_BUCKET, _LEADER)
        node = None if value is None else value.decode()
        if not self._may_lead():
            self._end()
            if node == self._nodes.own:
                await connection.delete(ROLLOUTS_BUCKET, _LEADER, revision)
                node = None
        elif node is None or node not in self._nodes:
            try:
                revision = await connection.put(ROLLOUTS_BUCKET, _LEADER, self._nodes.own.encode(), revision)
            except OutdatedError:
                return
            node = self._nodes.own
        self.leader, self.term = node, max(self.term, revision)
        if node != self._nodes.own:
            self._end()
            return
        self._asked_s = asked_s
        if not self._leads and await self._catch_up(connection):
            log.info("= this gateway carries rollouts out")
            self._leads, self.own_term = True, revision
            self.on_change(True)

    def _end(self) -> None:
        if self._leads:
            log.info("= this gateway carries rollouts out no more")
            self._leads = False
            self.on_change(False)


def _ignore(is_leading: bool) -> None:
    """Does nothing."""
