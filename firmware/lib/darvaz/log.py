"""What the board's program says while it runs: to the serial line at once, and to whoever keeps it."""

import io
import sys

from . import utf8

DEBUG = 0
INFO = 1
WARNING = 2
ERROR = 3
CRITICAL = 4
# As the protocol's `log` calls them.
LEVELS = ("debug", "info", "warning", "error", "critical")

LINE_BYTES_MAX = 1024

_MARK = "…"
_MARK_BYTES = 3


def traceback(error):
    """Returns the traceback of an exception as text."""
    text = io.StringIO()
    if hasattr(sys, "print_exception"):
        sys.print_exception(error, text)
    else:
        from traceback import print_exception

        print_exception(error, file=text)
    return text.getvalue().rstrip()


class Log:
    """Says lines: `keep(level, uptime_ms, text)` has them sent, `echo` shows them (None: nobody looks).

    `clock_ms()` returns the milliseconds since the board started.
    """

    def __init__(self, clock_ms, keep, level=INFO, echo=print):
        self.level = level
        self._clock_ms = clock_ms
        self._keep = keep
        self._echo = echo

    def debug(self, message):
        """Says what only helps to find a fault."""
        self.say(DEBUG, message)

    def info(self, message):
        """Says what happened."""
        self.say(INFO, message)

    def warning(self, message):
        """Says what went wrong and mends itself."""
        self.say(WARNING, message)

    def error(self, message):
        """Says what went wrong and was given up."""
        self.say(ERROR, message)

    def critical(self, message):
        """Says what ends the program."""
        self.say(CRITICAL, message)

    def exception(self, message, error):
        """Says what went wrong with the end of its traceback."""
        trace = _encode(traceback(error))
        # The call that raised and the error itself are the last lines.
        start = max(0, len(trace) + len(_encode(message)) + 1 - LINE_BYTES_MAX)
        while start < len(trace) and trace[start] & 0xC0 == 0x80:
            start += 1
        self.say(ERROR, message + "\n" + trace[start:].decode())

    def say(self, level, message):
        """Says one line at a level; what is too long is cut and marked."""
        if level < self.level:
            return
        now_ms = self._clock_ms()
        message = _shorten(str(message))
        if self._echo is not None:
            self._echo("%s %d.%03d %s" % (LEVELS[level][0].upper(), now_ms // 1000, now_ms % 1000, message))
        self._keep(LEVELS[level], now_ms, message)


def _shorten(message):
    data = _encode(message)
    if len(data) <= LINE_BYTES_MAX:
        return data.decode()
    return data[: utf8.cut(data, LINE_BYTES_MAX - _MARK_BYTES)].decode() + _MARK


def _encode(text):
    try:
        return utf8.encode(text)
    except ValueError:
        # Half a character, as JSON can escape one: no gateway accepts a text that holds it.
        return repr(text).encode()
