"""Time since the start of the board, in milliseconds that never wrap, and sleeps of any length."""

import asyncio
import time

# asyncio.sleep_ms raises OverflowError from 2**29 ms (6 days) on.
SLEEP_MS_MAX = 1 << 28


class Uptime:
    """Called, it returns the milliseconds since it was made; call it at least once in six days."""

    def __init__(self):
        self._last = time.ticks_ms()
        self._ms = 0

    def __call__(self):
        # time.ticks_ms wraps after 2**30 ms (12 days), and ticks_diff is right for half of that.
        now = time.ticks_ms()
        self._ms += time.ticks_diff(now, self._last)
        self._last = now
        return self._ms


async def sleep_long(wait_ms):
    """Sleeps for any number of milliseconds."""
    while wait_ms > SLEEP_MS_MAX:
        await asyncio.sleep_ms(SLEEP_MS_MAX)
        wait_ms -= SLEEP_MS_MAX
    await asyncio.sleep_ms(max(0, wait_ms))
