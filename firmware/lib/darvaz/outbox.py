"""What waits for the gateway: messages in one ring of bytes, kept from connection to connection; and the log.

Each line of the log is printed on the serial port, and kept in the ring. What was written may still be lost in a dead
connection, so a message is dropped only once the gateway answered something later. A new connection begins with
`rewind`; then `next` and `advance` walk over the messages, `mark` precedes a ping, and `confirm` follows its pong. A
full ring drops its oldest messages; `lost` counts those of them that were not written, or were and the connection died.
While nothing was written, as during an outage, telemetry is thinned first: `thinned` counts what went by that.
"""

from . import unload
from .session import check_size, to_bytes

RING_BYTES = 4096
SIZE_BYTES = 2
DEBUG = 0
INFO = 1
WARNING = 2
ERROR = 3
CRITICAL = 4
# The names in the protocol's `log` message.
LEVELS = ("debug", "info", "warning", "error", "critical")
LINE_BYTES_MAX = 1024


class Outbox:
    """Keeps texts in order until they are confirmed, each of at most `message_bytes_max`."""

    # Of which start of the board the connection sends messages; None: of this one. Another is in flash_outbox.py.
    boot_id = None

    def __init__(self, message_bytes_max, ring_bytes=RING_BYTES):
        assert message_bytes_max <= min(ring_bytes - SIZE_BYTES, 65535), "a message must fit into the ring"
        # Messages that were not delivered; the device reports them and sets it to 0.
        self.lost = self.thinned = 0
        self._message_bytes_max = message_bytes_max
        # Messages, each after its size, low byte first.
        self._ring = memoryview(bytearray(ring_bytes))
        self._size = memoryview(bytearray(SIZE_BYTES))
        # Position of the oldest message; bytes from there of all messages, the written and the marked ones.
        self._start = 0
        self.used = self._written = self._marked = 0
        # Messages dropped after they were written: lost without a `confirm`; and those before the last `mark`.
        self._doubtful = self._doubtful_marked = 0
        # Bytes ever dropped, and the position of the message of `next` in all bytes ever.
        self._dropped = self._next_at = 0

    def append(self, data):
        """Keeps the bytes of a message; raises ValueError if it is too long."""
        size = len(data)
        check_size(size, self._message_bytes_max)
        if len(self._ring) - self.used < SIZE_BYTES + size and not self._written:
            self._thin()
        while len(self._ring) - self.used < SIZE_BYTES + size:
            if self._written:
                self._doubtful += 1
            else:
                self.lost += 1
            self._drop_oldest()
        self.put_at(self.used, data)
        self.used += SIZE_BYTES + size

    def save(self):
        """Keeps what waits over a restart: only flash_outbox.py can."""

    def next(self):
        """Returns the oldest message that was not written on this connection, or None."""
        if self._written == self.used:
            return None
        self._next_at = self._dropped + self._written
        return self.message_at(self._written)

    def advance(self):
        """Notes that the message of `next` was written; if it was dropped meanwhile, does nothing."""
        if self._next_at == self._dropped + self._written:
            self._written += SIZE_BYTES + self._size_at(self._written)

    def rewind(self):
        """Starts again with the oldest message, for a new connection."""
        self._written = self._marked = self._doubtful_marked = 0
        self.lost += self._doubtful
        self._doubtful = 0

    def mark(self):
        """Notes how far the next `confirm` reaches and returns whether there is anything to confirm."""
        self._marked = self._written
        self._doubtful_marked = self._doubtful
        return self._marked > 0 or self._doubtful > 0

    def confirm(self):
        """Drops what was written before the last `mark`, and returns whether the connection has no more to send."""
        while self._marked > 0:
            self._drop_oldest()
        self._doubtful -= self._doubtful_marked
        self._doubtful_marked = 0
        return False

    def _thin(self):
        try:
            from . import seldom

            self.thinned += seldom.thin(self)
            # The message that is being written may have moved: it is written again, and recorded once.
            self._next_at = -1
        except MemoryError:
            # Then the oldest is dropped.
            pass
        unload("seldom")

    # For seldom.py
    def message_at(self, offset):
        """Returns a copy of the message at an offset from the oldest."""
        data = bytearray(self._size_at(offset))
        self._copy(self._start + offset + SIZE_BYTES, memoryview(data), False)
        return data

    def put_at(self, offset, message):
        """Writes a message at an offset from the oldest, over what is there."""
        size = len(message)
        self._size[0], self._size[1] = size & 255, size >> 8
        self._copy(self._start + offset, self._size, True)
        self._copy(self._start + offset + SIZE_BYTES, memoryview(message), True)

    def _drop_oldest(self):
        size = SIZE_BYTES + self._size_at(0)
        self._start = (self._start + size) % len(self._ring)
        self.used -= size
        self._dropped += size
        self._written = max(0, self._written - size)
        self._marked = max(0, self._marked - size)

    def _size_at(self, offset):
        self._copy(self._start + offset, self._size, False)
        return self._size[0] | self._size[1] << 8

    def _copy(self, at, data, is_write):
        # A message may go over the ring's end: at most two pieces.
        at %= len(self._ring)
        first = min(len(data), len(self._ring) - at)
        rest = len(data) - first
        if is_write:
            self._ring[at : at + first] = data[:first]
            self._ring[:rest] = data[first:]
        else:
            data[:first] = self._ring[at : at + first]
            data[first:] = self._ring[:rest]


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
    data = to_bytes(message)
    if len(data) <= LINE_BYTES_MAX:
        return data.decode()
    from . import traceback_text

    return traceback_text.shorten(data, LINE_BYTES_MAX)
