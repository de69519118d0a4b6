"""The gateway's one clock for its links: a timer wheel for their deadlines, and a look at revoked tokens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger("darvaz.watch")

# Deadlines are kept to this; they are seconds and minutes.
SLOT_S = 0.1
TOKENS_EVERY_S = 1.0


class TimedLink(Protocol):
    """A live link, as the watch sees it."""

    slot: int

    @property
    def token_id(self) -> str | None: ...

    def tick(self, now_s: float) -> float | None:
        """Does what is due and returns when to come again, or None for never."""

    def revoke(self) -> None:
        """Learns that its token lets nobody in any more."""


class TimerWheel:
    """Calls each link when its deadline comes, which costs a quiet link nothing before.

    A link's `slot` is the watch's to set. Used from the event loop only.
    """

    def __init__(
        self, invalid_tokens: Callable[[], frozenset[str]], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._invalid_tokens = invalid_tokens
        self._monotonic_s = monotonic_s
        self._turns: dict[int, set[TimedLink]] = {}
        self._links: set[TimedLink] = set()
        self._done = 0
        self._tokens_s = 0.0
        self._known_dead: frozenset[str] = frozenset()
        self._timer: asyncio.TimerHandle | None = None

    def join(self, link: TimedLink, deadline_s: float) -> None:
        """Looks after a link from now on."""
        if self._timer is None:
            self._done = int(self._monotonic_s() / SLOT_S)
            self._timer = asyncio.get_running_loop().call_later(SLOT_S, self._turn)
        self._links.add(link)
        self._place(link, deadline_s)

    def leave(self, link: TimedLink) -> None:
        """Forgets a link."""
        self._links.discard(link)
        waiting = self._turns.get(link.slot)
        if waiting is not None:
            waiting.discard(link)

    def _place(self, link: TimedLink, deadline_s: float) -> None:
        # Never in the slot that is being done, and never before the deadline.
        link.slot = max(int(deadline_s / SLOT_S) + 1, self._done + 1)
        self._turns.setdefault(link.slot, set()).add(link)

    def _turn(self) -> None:
        """Does every slot that is due; the timer rests while there are no links."""
        self._timer = None
        now_s = self._monotonic_s()
        while self._done < int(now_s / SLOT_S):
            self._done += 1
            for link in self._turns.pop(self._done, ()):
                self._tick(link, now_s)
        if now_s >= self._tokens_s:
            self._tokens_s = now_s + TOKENS_EVERY_S
            self._look_at_tokens()
        if self._links:
            self._timer = asyncio.get_running_loop().call_later(SLOT_S, self._turn)

    def _tick(self, link: TimedLink, now_s: float) -> None:
        # The clock of all links must not stop for a fault in one of them.
        try:
            deadline_s = link.tick(now_s)
        except Exception:
            log.exception("= a link could not do what was due")
            deadline_s = now_s + TOKENS_EVERY_S
        if deadline_s is not None and link in self._links:
            self._place(link, deadline_s)

    def _look_at_tokens(self) -> None:
        dead = self._invalid_tokens()
        newly_dead, self._known_dead = dead - self._known_dead, dead
        if newly_dead:
            for link in [link for link in self._links if link.token_id in newly_dead]:
                link.revoke()
