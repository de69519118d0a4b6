"""The board's log: each line is printed on the serial port and kept for the gateway."""

from . import unload, utf8

DEBUG = 0
INFO = 1
WARNING = 2
ERROR = 3
CRITICAL = 4
# The names in the protocol's `log` message.
LEVELS = ("debug", "info", "warning", "error", "critical")

LINE_BYTES_MAX = 1024


class Log:
    """Logs lines: `keep(level, uptime_ms, text)` stores them for the gateway, `echo` prints them (None: does not).

    `uptime_ms()` returns the milliseconds since the board started. Logging never raises: a line for which there is no
    memory is lost, and counted in `lost`.
    """

    def __init__(self, uptime_ms, keep, level=INFO, echo=print):
        # The lowest level that is logged, an index of LEVELS.
        self.level = level
        # Lines for which there was no memory; the device reports them and sets it to 0.
        self.lost = 0
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
        try:
            from . import traceback_text

            message = traceback_text.with_traceback(message, error, LINE_BYTES_MAX)
            unload("traceback_text")
        except MemoryError:
            # The message alone may still fit.
            pass
        self.write(ERROR, message)

    def write(self, level, message):
        """Logs one line at a level; a line that is too long is cut and marked."""
        if level < self.level:
            return
        try:
            now_ms = self._uptime_ms()
            message = _shorten(str(message))
            if self._echo is not None:
                self._echo("%s %d.%03d %s" % (LEVELS[level][0].upper(), now_ms // 1000, now_ms % 1000, message))
            self._keep(LEVELS[level], now_ms, message)
        except MemoryError:
            self.lost += 1


def _shorten(message):
    data = utf8.to_bytes(message)
    if len(data) <= LINE_BYTES_MAX:
        return data.decode()
    from . import traceback_text

    return traceback_text.shorten(data, LINE_BYTES_MAX)
