"""Where the gateway's log goes and in which form: lines of text, lines of JSON, and priorities for journald."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO

from rich.console import Console
from rich.logging import RichHandler

from darvaz.text.terminal import VisibleFormatter

LogFormat = Literal["text", "json"]

# Lines of one turn of the event loop that are written together.
LINES_WAITING_MAX = 256

_LINES_OF_STRANGERS = ("Invalid HTTP request received.", "Unsupported upgrade request.")
# From Python's levels to those of syslog (sd-daemon(3)); higher levels first.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))


def log_to(console: Console, level: str, format_: LogFormat = "text") -> None:
    """Sends the log to standard error: coloured on a terminal, with priorities where journald reads it."""
    handler: logging.Handler = LineHandler()
    if format_ == "json":
        handler.setFormatter(JsonFormatter())
    elif is_journal(os.environ, 2):
        # Journald notes the time itself.
        handler.setFormatter(VisibleFormatter("%(message)s"))
    elif console.is_terminal:
        handler = RichHandler(console=console, show_path=False, markup=False, log_time_format="%H:%M:%S")
        handler.setFormatter(VisibleFormatter("%(message)s"))
    else:
        handler.setFormatter(VisibleFormatter("%(asctime)s %(levelname)s %(message)s"))
    if is_journal(os.environ, 2):
        assert handler.formatter is not None
        handler.setFormatter(PriorityFormatter(handler.formatter))
    # No line shows thread, process or source position; finding them takes half of the time of a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    errors = logging.getLogger("uvicorn.error")
    errors.setLevel(logging.WARNING)
    # Anybody can cause one for each request, and they name nobody.
    errors.addFilter(lambda record: record.msg not in _LINES_OF_STRANGERS)


class _Lines:
    """What a stream is still to get."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.waiting: list[str] = []

    def write(self, text: str) -> None:
        self.waiting.append(text)

    def write_waiting(self) -> None:
        lines, self.waiting = self.waiting, []
        # Nobody can be told of a log that cannot be written.
        with contextlib.suppress(OSError):
            self._stream.write("".join(lines))


class LineHandler(logging.StreamHandler[_Lines]):
    """Writes lines to standard error; those that the event loop says in one turn are written at its end.

    Each of thousands of boards that connect at once has a line, and writing it takes a third of the line's time.
    Warnings, errors and what other threads say do not wait.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(_Lines(sys.stderr if stream is None else stream))

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        loop, lines = asyncio._get_running_loop(), self.stream.waiting
        if loop is None or record.levelno > logging.INFO or len(lines) >= LINES_WAITING_MAX:
            self.write_waiting()
        elif len(lines) == 1:
            loop.call_soon(self.write_waiting)

    def write_waiting(self) -> None:
        """Writes what waits."""
        self.acquire()
        try:
            self.stream.write_waiting()
        finally:
            self.release()

    def flush(self) -> None:
        """Does nothing: the end of a line flushes standard error."""

    def close(self) -> None:
        self.write_waiting()
        super().close()


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of ASCII JSON: `time` (RFC 3339), `level`, `logger`, `message`, `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # json leaves DEL as it is, which a terminal would obey.
        return json.dumps(line).replace("\x7f", "\\u007f")


class PriorityFormatter(logging.Formatter):
    """Puts the priority that journald reads, such as `<4>`, before each line of another formatter."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"<{priority}>{line}" for line in self._inner.format(record).splitlines())


def is_journal(environment: Mapping[str, str], descriptor: int) -> bool:
    """Returns whether journald reads what is written to a descriptor (systemd.exec(5), `JOURNAL_STREAM`)."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
