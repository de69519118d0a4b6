"""JSON on one line, for formats in which a line is a record."""

from __future__ import annotations

from typing import Any

import msgspec

# Line ends to some readers (Python's `splitlines` among them), though not to JSON, which lets them stand in strings.
_LINE_ENDS = {b"\xc2\x85": b"\\u0085", b"\xe2\x80\xa8": b"\\u2028", b"\xe2\x80\xa9": b"\\u2029"}


def dump_line(value: Any) -> bytes:
    """Returns a value as JSON in which nothing ends a line, whatever a reader takes for a line end."""
    text = msgspec.json.encode(value)
    if not text.isascii():
        for letter, escape in _LINE_ENDS.items():
            text = text.replace(letter, escape)
    return text
