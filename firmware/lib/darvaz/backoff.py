"""How long to wait before the next attempt: full jitter, so that a house full of boards does not come back at once."""

FIRST_MS = 1000
LONGEST_MS = 60000
# A token that was refused is rarely good a minute later.
REFUSED_LONGEST_MS = 300000
# Never at once: a gateway that hangs up on every greeting must not keep the radio busy.
SHORTEST_MS = 100
# A link that held this long was a good one.
HELD_MS = 30000
RETRY_AFTER_S_MAX = 86400

_DOUBLINGS_MAX = 16


class Backoff:
    """Counts failures and says how long to wait; it reads no clock.

    `random_below(n)` returns a number of 0..n-1; a board gives `random.randrange`.
    """

    def __init__(self, random_below):
        self.failures = 0
        self._random_below = random_below

    def held(self, held_ms):
        """Notes how long the last link was open: only one that held for a while forgives the past."""
        if held_ms >= HELD_MS:
            self.failures = 0

    def fail(self):
        """Returns the milliseconds to wait after an attempt that failed, or a link that ended."""
        return max(SHORTEST_MS, self._random_below(self._grow(1, LONGEST_MS) + 1))

    def refuse(self, retry_after_s=None):
        """Returns the milliseconds to wait after a refusal; never less than the gateway asked for."""
        ceiling_ms = self._grow(2, REFUSED_LONGEST_MS)
        if retry_after_s is None:
            return ceiling_ms // 2 + self._random_below(ceiling_ms // 2 + 1)
        asked_ms = int(min(max(retry_after_s, 0), RETRY_AFTER_S_MAX) * 1000)
        # All that were refused together were told the same number: spread them.
        return asked_ms + max(SHORTEST_MS, self._random_below(FIRST_MS + asked_ms // 10 + 1))

    def _grow(self, failures, longest_ms):
        ceiling_ms = min(longest_ms, FIRST_MS << min(self.failures + failures - 1, _DOUBLINGS_MAX))
        self.failures += failures
        return ceiling_ms
