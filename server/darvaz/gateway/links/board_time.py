"""When what a board says happened, by the uptimes that its messages carry; one for each link."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from darvaz.gateway.session.uptime_clock import UptimeClock, newest_uptime_ms

_UNSET: Final = msgspec.UNSET


class BoardTime:
    """Fed the messages that tell an uptime, and monotonic times; reads no clock."""

    __slots__ = ("_clock",)

    def __init__(self) -> None:
        # None until the board tells its uptime; the guide's clients never do.
        self._clock: UptimeClock | None = None

    def begin(self, connect: Any, now_s: float, known_uptime_s: float | None = None) -> None:
        """Takes the introduction: behind a proxy, a link may outlive a restart of its board.

        One without an uptime may be of an earlier start of the board, which sends what waited in its flash;
        `known_uptime_s` is how long that would run now, if the gateway knew that start.
        """
        self._clock = None
        if connect.uptime_ms is not _UNSET:
            self._known().observe_arrival(connect.uptime_ms, now_s)
        elif known_uptime_s is not None:
            self._known().observe_arrival(known_uptime_s * 1000, now_s)

    def answer(self, pong: Any, pinged_s: float, now_s: float) -> None:
        """Takes the answer to the ping that was sent at `pinged_s`, 0 where none was."""
        if pong.uptime_ms is not _UNSET:
            if pinged_s:
                self._known().observe_exchange(pong.uptime_ms, pinged_s, now_s)
            else:
                self._known().observe_arrival(pong.uptime_ms, now_s)
        elif pong.uptime_s is not _UNSET:
            self._known().observe_arrival(pong.uptime_s * 1000, now_s)

    def age_s(self, message: Any, packets: list[str | bytes], now_s: float) -> float:
        """Returns how long ago a message was made; 0 if it does not say. It came together with these packets."""
        if message.uptime_ms is _UNSET:
            return 0.0
        clock = self._clock
        if clock is None:
            clock = self._known()
            # What waited on the board comes first; the last that came together with it is the newest.
            clock.observe_arrival(newest_uptime_ms(packets) or message.uptime_ms, now_s)
        return now_s - clock.happened_s(message.uptime_ms, now_s)

    def _known(self) -> UptimeClock:
        if self._clock is None:
            self._clock = UptimeClock()
        return self._clock
