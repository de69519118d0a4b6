"""Text from elsewhere made fit for a terminal: nothing in it moves the cursor or turns letters around."""

from __future__ import annotations

import json
import logging
import time
import unicodedata
from typing import Any

# Cc: controls and escapes; Cf: bidi overrides and the like; Zl, Zp: line breaks in disguise; Cs: halves of letters.
_HIDDEN = frozenset(("Cc", "Cf", "Zl", "Zp", "Cs"))
# The zero-width non-joiner is Persian orthography, and harmless.
_HARMLESS = "\u200c"


def visible(text: str) -> str:
    """Returns a text on one line, with everything that would act instead of showing written as an escape."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def visible_json(value: Any, indent: int | None = None) -> str:
    """Returns a value as JSON that people can read and a terminal does not obey; it reads back unchanged."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    # The line breaks are json's own: in a string they stand as \n.
    return "".join(letter if letter == "\n" or _is_harmless(letter) else _escaped(letter) for letter in text)


class VisibleFormatter(logging.Formatter):
    """Formats a record as usual, its message made visible; tracebacks and other programs' lists keep their lines."""

    _second = 0
    _second_text = ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        # Many lines have the same second, and it takes longer to write than the rest of the line.
        if datefmt is not None:
            return super().formatTime(record, datefmt)
        second = int(record.created)
        if second != self._second:
            self._second, self._second_text = second, time.strftime(self.default_time_format, time.localtime(second))
        return f"{self._second_text},{record.msecs:03.0f}"

    def formatMessage(self, record: logging.LogRecord) -> str:
        is_ours = record.name.partition(".")[0] == "darvaz"
        lines = [record.message] if is_ours else record.message.rstrip().splitlines()
        record.message = "\n".join(map(visible, lines))
        return super().formatMessage(record)


def _shown(letter: str) -> str:
    if _is_harmless(letter):
        return letter
    number = ord(letter)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65_536 else f"\\U{number:08x}"


def _escaped(letter: str) -> str:
    # json leaves DEL, which is ASCII, as it is.
    return "\\u007f" if letter == "\x7f" else json.dumps(letter)[1:-1]


def _is_harmless(letter: str) -> bool:
    return letter == _HARMLESS or unicodedata.category(letter) not in _HIDDEN
