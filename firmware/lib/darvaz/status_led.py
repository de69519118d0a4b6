"""The status LED: a number of blinks, then a pause; it is steady once the board is online."""

BLINKS = {"starting": 0, "joining": 1, "connecting": 2, "refused": 3}

_ON_MS = 120
_STEP_MS = 360
_PAUSE_MS = 1000


def is_lit(state, now_ms):
    """Returns whether the LED is on now; states that are not in BLINKS are steady."""
    count = BLINKS.get(state, 0)
    if not count:
        return True
    at_ms = now_ms % (count * _STEP_MS + _PAUSE_MS)
    return at_ms < count * _STEP_MS and at_ms % _STEP_MS < _ON_MS
