"""Failures that come again and again, in the log once and then with a count. Loaded at the first failure."""

# A problem that comes again within this time is counted, and not told again.
FOLD_MS = 600000


class Trouble:
    """Logs the failures of one thing, which `sentence` names."""

    def __init__(self, log, sentence):
        self._log = log
        self._sentence = sentence
        # The text of the last problem, when it was told, and how often it came again since.
        self._last = None
        self._told_ms = 0
        self._again = 0

    def note(self, error, now_ms):
        """Takes an exception and the time."""
        try:
            problem = repr(error)
        except Exception:  # noqa: BLE001 (a maker's __repr__ may raise anything)
            problem = type(error).__name__
        if problem == self._last and now_ms - self._told_ms < FOLD_MS:
            self._again += 1
            return
        again = ", %d times more since" % self._again if self._again and problem == self._last else ""
        self._last, self._told_ms, self._again = problem, now_ms, 0
        self._log.exception(self._sentence + again, error)
