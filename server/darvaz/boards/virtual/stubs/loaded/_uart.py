"""A serial line (UART) of a virtual board: a test writes what is read here, and reads what is written."""

import errno
import time

import _interrupts
from _host import KIND, ask, exchange, view

_IS_PICO = KIND == "pico"
_UARTS = 2 if _IS_PICO else 3
_PINS = {"TX": 0, "RX": 1}
_READ_BYTES_MAX = 65536
_POLL, _CLOSE, _READABLE, _WRITABLE = 3, 4, 1, 4


class Line:
    """One line; a read waits for `timeout` ms, and for `timeout_char` ms between two bytes."""

    def __init__(self, id, *words, **settings):
        if id not in range(_UARTS):
            raise ValueError(("UART(%s) doesn't exist" if _IS_PICO else "UART(%s) does not exist") % id)
        self._bus = id
        self._timeout_ms = self._between_ms = 0
        self._handler = None
        # How many bytes waited when the handler was called last.
        self._seen = 0
        self.init(*words, **settings)

    def init(self, baudrate=115200, *format, tx=None, rx=None, timeout=0, timeout_char=0, **more):
        """Changes its settings."""
        if _IS_PICO:
            for pin, name in ((tx, "TX"), (rx, "RX")):
                if pin is not None and not self._has(pin.id if hasattr(pin, "id") else pin, name):
                    raise ValueError("bad %s pin" % name)
        self._timeout_ms, self._between_ms = timeout, timeout_char

    def _has(self, pin, name):
        return isinstance(pin, int) and pin & 3 == _PINS[name] and ((pin + 4) & 8) >> 3 == self._bus

    def deinit(self):
        """Ends it."""
        self.irq(None)

    def any(self):
        """Returns how many bytes can be read."""
        return ask("count_uart", bus=self._bus)["waiting"]

    def read(self, nbytes=-1):
        """Returns bytes, as many as were asked for or as there are; None if none came."""
        return self._read(_READ_BYTES_MAX if nbytes < 0 else nbytes)

    def readline(self):
        """Returns the bytes up to the end of a line, or as many as there are; None if none came."""
        give_up_ms = time.ticks_add(time.ticks_ms(), self._timeout_ms)
        while True:
            count = ask("count_uart", bus=self._bus)
            if count["line"]:
                return self._read(count["line"])
            if time.ticks_diff(give_up_ms, time.ticks_ms()) <= 0:
                return self._read(count["waiting"]) if count["waiting"] else None
            time.sleep_ms(1)

    def readinto(self, buf, nbytes=-1):
        """Fills a buffer, and returns how many bytes came; None if none did."""
        filled = view(buf)
        data = self._read(len(filled) if nbytes < 0 else min(nbytes, len(filled)))
        if data is None:
            return None
        filled[: len(data)] = data
        return len(data)

    def write(self, buf):
        """Sends bytes."""
        sent = bytes(buf)
        exchange("write_uart", sent, bus=self._bus)
        return len(sent)

    def sendbreak(self):
        """Sends a break, which no test sees."""

    def flush(self):
        """Waits until all was sent."""

    def txdone(self):
        """Returns whether all was sent."""
        return True

    def irq(self, handler=None, trigger=0, hard=False):
        """Calls a function after bytes have come."""
        if self._handler is not None:
            _interrupts.remove(self)
        self._handler = handler
        if handler is not None:
            _interrupts.add(self)
        return self

    def turn(self, now_ms):
        """Calls the function if bytes have come."""
        if self.any() > self._seen:
            self._handler(self)
        self._seen = self.any()

    def ioctl(self, request, argument):
        """Tells `select` and asyncio what is possible now."""
        if request != _POLL:
            return 0 if request == _CLOSE else -errno.EINVAL
        return argument & (_WRITABLE | (_READABLE if self.any() else 0))

    def _read(self, size):
        data = b""
        give_up_ms = time.ticks_add(time.ticks_ms(), self._timeout_ms)
        while len(data) < size:
            more = exchange("read_uart", bus=self._bus, size=size - len(data))[1]
            data += more
            if more:
                give_up_ms = time.ticks_add(time.ticks_ms(), self._between_ms)
            elif time.ticks_diff(give_up_ms, time.ticks_ms()) <= 0:
                break
            else:
                time.sleep_ms(1)
        return data or None
