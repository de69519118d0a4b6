"""What two crashes have in common: the functions of the traceback and the type of the exception, without lines."""

from __future__ import annotations

import hashlib
import re

FINGERPRINT_CHARS = 12
TITLE_CHARS_MAX = 120
_CALL = re.compile(r'^\s*File "([^"]*)", line \d+(?:, in (.*))?$')
_UNKNOWN = "unknown"


def fingerprint(reason: str, traceback: str) -> str:
    """Returns the same text for crashes of the same kind, whatever lines and values they name."""
    places = [f"{match[1]}:{match[2]}" for line in traceback.splitlines() if (match := _CALL.match(line))]
    parts = "\n".join([reason, *places, _type_of(_last_line(traceback))])
    return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()[:FINGERPRINT_CHARS]


def title(reason: str, traceback: str) -> str:
    """Returns a crash in one line: the exception, and the function that raised it."""
    last = _last_line(traceback)
    if not last:
        return "reset by the watchdog, or by machine.reset()" if reason == "watchdog" else _UNKNOWN
    places = [match for line in traceback.splitlines() if (match := _CALL.match(line))]
    where = f" in {places[-1][2] or places[-1][1]}" if places else ""
    return f"{last[: TITLE_CHARS_MAX - len(where)]}{where}"[:TITLE_CHARS_MAX]


def _last_line(traceback: str) -> str:
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _type_of(line: str) -> str:
    return line.partition(":")[0]
