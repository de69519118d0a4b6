"""What the status LED says: so many blinks, a pause, and again; a steady light is good news."""

BLINKS = {"starting": 0, "joining": 1, "connecting": 2, "refused": 3}

_ON_MS = 120
_STEP_MS = 360
_PAUSE_MS = 1000


def is_lit(state, now_ms):
    """Returns whether the LED is on now; a state without a number of blinks is steady."""
    count = BLINKS.get(state, 0)
    if not count:
        return True
    at_ms = now_ms % (count * _STEP_MS + _PAUSE_MS)
    return at_ms < count * _STEP_MS and at_ms % _STEP_MS < _ON_MS
