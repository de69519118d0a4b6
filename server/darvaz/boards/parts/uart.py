"""The serial lines (UART) of a virtual board: a test writes what the board reads, and reads what it has written."""

from __future__ import annotations

import threading

# Of each direction of a line.
WAITING_BYTES_MAX = 65_536
LINES = 3


class UartLine:
    """One line; both ends may be in threads of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._to_board = bytearray()
        self._from_board = bytearray()

    def write(self, data: bytes) -> None:
        """Sends bytes to the board; raises BufferError if it does not read."""
        with self._lock:
            if len(self._to_board) + len(data) > WAITING_BYTES_MAX:
                raise BufferError(f"the board has not read {len(self._to_board)} bytes; {WAITING_BYTES_MAX} may wait")
            self._to_board += data

    def read(self) -> bytes:
        """Returns what the board wrote since the last time; of more than WAITING_BYTES_MAX the last."""
        with self._lock:
            data, self._from_board = bytes(self._from_board), bytearray()
        return data

    def give(self, size: int) -> bytes:
        """Returns at most `size` bytes that wait for the board."""
        with self._lock:
            data = bytes(self._to_board[:size])
            del self._to_board[:size]
        return data

    def take(self, data: bytes) -> None:
        """Keeps what the board writes."""
        with self._lock:
            self._from_board += data
            del self._from_board[:-WAITING_BYTES_MAX]

    def peek(self) -> bytes:
        """Returns what waits for the board, and leaves it."""
        with self._lock:
            return bytes(self._to_board)


class UartLines(dict[int, UartLine]):
    """The lines by their number, each there when it is asked for."""

    def __missing__(self, number: int) -> UartLine:
        if number not in range(LINES):
            raise KeyError(f"a board has the serial lines 0 to {LINES - 1}, not {number!r}")
        return self.setdefault(number, UartLine())
