"""Text made safe for a terminal: no character in it moves the cursor or changes the writing direction."""

from __future__ import annotations

import json
import logging
import time
import unicodedata
from typing import Any

# Unicode categories: Cc: controls, escapes; Cf: bidi overrides and others; Zl, Zp: line breaks; Cs: surrogates.
_HIDDEN = frozenset(("Cc", "Cf", "Zl", "Zp", "Cs"))
# The zero-width non-joiner belongs to Persian spelling and is harmless.
_HARMLESS = "\u200c"


def visible(text: str) -> str:
    """Returns a text on one line, with escapes for all characters that are invisible or control the terminal."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def visible_json(value: Any, indent: int | None = None) -> str:
    """Returns a value as readable JSON that is safe for a terminal; parsing it gives the same value."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    # These line breaks are between the values: in a string, json writes \n.
    return "".join(
        character if character == "\n" or _is_harmless(character) else _escaped(character) for character in text
    )


class VisibleFormatter(logging.Formatter):
    """Formats a record as usual, with a visible message; tracebacks and messages of other packages keep their lines."""

    # The last second that was formatted, and its text.
    _second = 0
    _second_text = ""

    def __init__(self, form: str) -> None:
        super().__init__(form)
        # Whether a line begins with time and level; None for any other form.
        self._starts_with_time = {"%(message)s": False, "%(asctime)s %(levelname)s %(message)s": True}.get(form)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        # Many lines have the same second, and formatting it takes longer than the rest of the line.
        if datefmt is not None:
            return super().formatTime(record, datefmt)
        second = int(record.created)
        if second != self._second:
            self._second, self._second_text = second, time.strftime(self.default_time_format, time.localtime(second))
        return f"{self._second_text},{record.msecs:03.0f}"

    def format(self, record: logging.LogRecord) -> str:
        # Each of thousands of boards that connect at once has a line, and few lines have more than their message.
        has_more = record.exc_info or record.exc_text or record.stack_info
        if has_more or self._starts_with_time is None:
            return super().format(record)
        record.message = record.getMessage()
        start = f"{self.formatTime(record)} {record.levelname} " if self._starts_with_time else ""
        return start + self._visible_message(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = self._visible_message(record)
        return super().formatMessage(record)

    def _visible_message(self, record: logging.LogRecord) -> str:
        """Returns the message of a record; those of other packages may have several lines."""
        if record.name.partition(".")[0] == "darvaz":
            return visible(record.message)
        return "\n".join(map(visible, record.message.rstrip().splitlines()))


def _shown(character: str) -> str:
    if _is_harmless(character):
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65_536 else f"\\U{number:08x}"


def _escaped(character: str) -> str:
    # json does not escape DEL, which is ASCII.
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]


def _is_harmless(character: str) -> bool:
    return character == _HARMLESS or unicodedata.category(character) not in _HIDDEN
