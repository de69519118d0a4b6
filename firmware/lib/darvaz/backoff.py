"""How long to wait before the next attempt: doubled at each failure, with full jitter, so that boards that lost
their gateway together do not return together.
"""

FIRST_MS = 1000
LONGEST_MS = 60000
# While the gateway's machine answers that nobody listens, the gateway is most likely being restarted.
RESTART_LONGEST_MS = 6000
# A token that was refused is rarely good a minute later.
REFUSED_LONGEST_MS = 300000
# Never 0: a gateway that closes every connection at once must not keep the radio busy.
SHORTEST_MS = 100
# A link that held this long was a good one.
HELD_MS = 30000
# Nobody who answers, also in the gateway's name, silences a board for longer.
RETRY_AFTER_S_MAX = 300

_DOUBLINGS_MAX = 16


class Backoff:
    """Counts failures and returns how long to wait; it does not read a clock.

    `random_below(n)` returns a number of 0..n-1; a board gives `random.randrange`.
    """

    def __init__(self, random_below):
        # Failures in a row; a refusal counts as two.
        self.failures = 0
        self._random_below = random_below

    def held(self, held_ms):
        """Takes how long the last link was open: after a long one the failures count from 0 again."""
        if held_ms >= HELD_MS:
            self.failures = 0

    def fail(self, is_restart=False):
        """Returns the milliseconds to wait after an attempt that failed or a link that ended.

        `is_restart`: the gateway is most likely being restarted.
        """
        longest_ms = RESTART_LONGEST_MS if is_restart else LONGEST_MS
        return max(SHORTEST_MS, self._random_below(self._grow(1, longest_ms) + 1))

    def refuse(self, retry_after_s=None):
        """Returns the milliseconds to wait after a refusal; not less than the gateway asked for, up to 300 s."""
        ceiling_ms = self._grow(2, REFUSED_LONGEST_MS)
        if retry_after_s is None:
            return ceiling_ms // 2 + self._random_below(ceiling_ms // 2 + 1)
        least_ms = int(min(max(retry_after_s, 0), RETRY_AFTER_S_MAX) * 1000)
        # Boards that were refused together got the same number: spread them.
        return least_ms + max(SHORTEST_MS, self._random_below(FIRST_MS + least_ms // 10 + 1))

    def _grow(self, failures, longest_ms):
        ceiling_ms = min(longest_ms, FIRST_MS << min(self.failures + failures - 1, _DOUBLINGS_MAX))
        self.failures += failures
        return ceiling_ms
