"""The board's log: each line is printed on the serial port and kept for the gateway."""

import io
import sys

from . import utf8

DEBUG = 0
INFO = 1
WARNING = 2
ERROR = 3
CRITICAL = 4
# The names in the protocol's `log` message.
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
    """Logs lines: `keep(level, uptime_ms, text)` stores them for the gateway, `echo` prints them (None: does not).

    `uptime_ms()` returns the milliseconds since the board started.
    """

    def __init__(self, uptime_ms, keep, level=INFO, echo=print):
        # The lowest level that is logged, an index of LEVELS.
        self.level = level
        self._uptime_ms = uptime_ms
        self._keep = keep
        self._echo = echo

    def debug(self, message):
        """Logs what only helps to find a fault."""
        self.write(DEBUG, message)

    def info(self, message):
        """Logs what happened."""
        self.write(INFO, message)

    def warning(self, message):
        """Logs a fault from which the program recovers."""
        self.write(WARNING, message)

    def error(self, message):
        """Logs a fault after which something was given up."""
        self.write(ERROR, message)

    def critical(self, message):
        """Logs what ends the program."""
        self.write(CRITICAL, message)

    def exception(self, message, error):
        """Logs an error with the end of its traceback."""
        trace = _encode(traceback(error))
        # The call that raised and the error itself are the last lines.
        start = max(0, len(trace) + len(_encode(message)) + 1 - LINE_BYTES_MAX)
        while start < len(trace) and trace[start] & 0xC0 == 0x80:
            start += 1
        self.write(ERROR, message + "\n" + trace[start:].decode())

    def write(self, level, message):
        """Logs one line at a level; a line that is too long is cut and marked."""
        if level < self.level:
            return
        now_ms = self._uptime_ms()
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
        # A lone surrogate, which JSON can escape (RFC 8259 section 8.2); the gateway does not accept it.
        return repr(text).encode()
