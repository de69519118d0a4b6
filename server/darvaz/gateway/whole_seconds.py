"""When what happens every few seconds happens: at whole seconds, so that one wake-up of the processor is for all."""

from __future__ import annotations

import time

LATE_S = 0.0015
"""Is added to a time: event loops round to milliseconds, this one always to the same, and never to one before."""


def until_next_s(every_s: float) -> float:
    """Returns the seconds until the monotonic clock has the next multiple of `every_s`."""
    now_s = time.monotonic()
    return (now_s // every_s + 1) * every_s - now_s + LATE_S
