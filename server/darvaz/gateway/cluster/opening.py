"""Opens buckets and streams of NATS, each by itself: one that has no leader keeps none of the others waiting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.follower import Follower

log = logging.getLogger("darvaz.cluster")

# Between two attempts to use what has no leader yet.
AGAIN_S = 0.25
_SUBJECT = "cluster: "

_T = TypeVar("_T")


class Opening:
    """Says in `remarks` what could not be opened, and why, while that lasts. Used from the event loop only."""

    def __init__(self, remarks: dict[str, str]) -> None:
        self._remarks = remarks
        # Buckets of the last connection: another one of the same name begins at its first entry.
        self._created: dict[str, str] = {}

    @property
    def remark(self) -> str:
        """Returns a sentence on the first that could not be opened; empty where there is none."""
        return next((text for subject, text in self._remarks.items() if subject.startswith(_SUBJECT)), "")

    def end(self) -> None:
        """Takes that the connection is over."""
        for subject in [subject for subject in self._remarks if subject.startswith(_SUBJECT)]:
            del self._remarks[subject]

    async def follow(
        self, connection: NatsConnection, bucket: str, follower: Follower, restart: Callable[[], None],
        caught_up: asyncio.Event, ttl_s: float | None = None,
    ) -> None:  # fmt: skip
        """Follows a bucket until it is cancelled; from its first entry where it is another one than before."""
        created = await self.until_done(connection, bucket, lambda: connection.open_bucket(bucket, ttl_s))
        if created != self._created.get(bucket):
            self._created[bucket] = created
            restart()
        await follower.run(connection, caught_up)

    async def until_done(self, connection: NatsConnection, name: str, do: Callable[[], Awaitable[_T]]) -> _T:
        """Returns what becomes of something that needs a leader, tried again while one is chosen.

        Raises `ClusterError` where the connection is over.
        """
        subject = _SUBJECT + name
        while True:
            try:
                found = await do()
                self._remarks.pop(subject, None)
                return found
            except ClusterError as error:
                if connection.lost.is_set():
                    raise
                text = f"the cluster is not reached: {error}"
                if self._remarks.get(subject) != text:
                    log.warning("= %s; it is tried again", text)
                self._remarks[subject] = text
            await asyncio.sleep(AGAIN_S)
