"""What goes wrong in the parts that a test has put on a virtual board: kept for the test, and an error on the board."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

FAILURES_MAX = 20
_OURS = Path(__file__).parent
# What a part may raise to answer as a real one does: it is busy, or it is not there.
_BUS_ERRNOS = (errno.EIO, errno.ENODEV, errno.ETIMEDOUT)


class PartError(Exception):
    """A part was used in a way for which the test gave no answer; the text says which."""


@dataclass(frozen=True, slots=True)
class PartFailure:
    """A part, such as `i2c 0x76`, and what it raised."""

    part: str
    error: BaseException

    def __str__(self) -> str:
        kind = "" if isinstance(self.error, PartError) else f"{type(self.error).__name__}: "
        return f"{self.part}: {kind}{self.error}"


class PartFailures:
    """The first failures since the last `take`, at most FAILURES_MAX; the board's thread adds them."""

    def __init__(self) -> None:
        self._failures: list[PartFailure] = []
        self._lock = threading.Lock()

    def note(self, part: str, error: BaseException) -> None:
        """Keeps one, unless there are too many; of its traceback, what is not our own."""
        error.__traceback__ = _outside(error.__traceback__)
        with self._lock:
            if len(self._failures) < FAILURES_MAX:
                self._failures.append(PartFailure(part, error))

    def take(self) -> list[PartFailure]:
        """Returns and forgets them."""
        with self._lock:
            taken, self._failures = self._failures, []
        return taken

    def ask(self, part: str, action: Callable[[], bytes | None]) -> bytes | int:
        """Returns the answer of a part, or the number of the error that the board gets."""
        try:
            return action() or b""
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 (code of a test, also pytest.fail(): told there, ends nothing here)
            if isinstance(error, OSError) and error.errno in _BUS_ERRNOS:
                return error.errno
            self.note(part, error)
            return errno.EIO


def _outside(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).parent == _OURS:
        trace = trace.tb_next
    return trace


def checked(data: object, size: int) -> bytes:
    """Returns what a part answered, if it is as many bytes as the board reads; raises `PartError`."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise PartError(f"the board reads {size} bytes, and the part answered {data!r}")
    if len(data) != size:
        raise PartError(f"the board reads {size} bytes, and the part answered {len(data)}")
    return bytes(data)
