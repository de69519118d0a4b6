"""The deadlines of all links in one timer wheel, and a regular check for revoked tokens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from darvaz.gateway.whole_seconds import LATE_S

log = logging.getLogger("darvaz.devices")

# Deadlines are seconds and minutes; they are kept to this.
SLOT_S = 0.1
TOKENS_EVERY_S = 1.0


class TimedLink(Protocol):
    """A live link, as the wheel needs it."""

    slot: int
    """Where its deadline is in the wheel; set by the wheel."""

    @property
    def token_id(self) -> str | None: ...

    def tick(self, now_s: float) -> float | None:
        """Does what is due and returns the next deadline, or None for no other."""

    def revoke(self) -> None:
        """Is called when its token was revoked or expired."""


class TimerWheel:
    """Calls each link at its deadline; until then, a link costs nothing. Used from the event loop only.

    Times are monotonic seconds; a slot is a time divided by `SLOT_S`.
    """

    def __init__(
        self, invalid_tokens: Callable[[], frozenset[str]], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._invalid_tokens = invalid_tokens
        self._monotonic_s = monotonic_s
        # Slot → the links with a deadline in it.
        self._slots: dict[int, set[TimedLink]] = {}
        self._links: set[TimedLink] = set()
        # The newest slot that was handled.
        self._handled = 0
        # When tokens are checked next, and those that were invalid at the last check.
        self._tokens_s = 0.0
        self._known_invalid: frozenset[str] = frozenset()
        # Runs `_advance` at this time, the next at which there is something to do; None while there are no links.
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0

    def join(self, link: TimedLink, deadline_s: float) -> None:
        """Adds a link."""
        if self._timer is None:
            self._handled = int(self._monotonic_s() / SLOT_S)
        self._links.add(link)
        self._insert(link, deadline_s)
        if self._timer is None or link.slot * SLOT_S < self._timer_s:
            self._set_timer()

    def leave(self, link: TimedLink) -> None:
        """Removes a link."""
        self._links.discard(link)
        waiting = self._slots.get(link.slot)
        if waiting is not None:
            waiting.discard(link)
        if not self._links:
            self._set_timer()

    def _insert(self, link: TimedLink, deadline_s: float) -> None:
        # Never before the deadline, and never into a slot that is being handled.
        link.slot = max(int(deadline_s / SLOT_S) + 1, self._handled + 1)
        waiting = self._slots.get(link.slot)
        if waiting is None:
            self._slots[link.slot] = {link}
        else:
            waiting.add(link)

    def _advance(self) -> None:
        """Handles every slot that is due."""
        self._timer = None
        now_s = self._monotonic_s()
        # A time that is a slot's may come out just below it.
        slot = int(now_s / SLOT_S + 1e-6)
        while self._handled < slot:
            self._handled += 1
            for link in self._slots.pop(self._handled, ()):
                self._tick(link, now_s)
        if now_s >= self._tokens_s:
            # At whole seconds, as other timers: each wakes the processor.
            self._tokens_s = int(now_s) + TOKENS_EVERY_S
            self.check_tokens()
        self._set_timer()

    def _set_timer(self) -> None:
        """Has `_advance` called when there is something to do."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._links:
            self._timer_s = min(SLOT_S * min(self._slots, default=self._handled + 1), self._tokens_s)
            delay_s = max(0.0, self._timer_s - self._monotonic_s()) + LATE_S
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._advance)

    def _tick(self, link: TimedLink, now_s: float) -> None:
        # An exception of one link must not stop the others.
        try:
            deadline_s = link.tick(now_s)
        except Exception:
            log.exception("= a link failed at its deadline")
            deadline_s = now_s + TOKENS_EVERY_S
        if deadline_s is not None and link in self._links:
            self._insert(link, deadline_s)

    def check_tokens(self) -> None:
        """Tells the links whose tokens have become invalid since the last check."""
        invalid = self._invalid_tokens()
        newly_invalid, self._known_invalid = invalid - self._known_invalid, invalid
        if newly_invalid:
            for link in [link for link in self._links if link.token_id in newly_invalid]:
                link.revoke()
