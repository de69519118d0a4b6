"""JSON on one line, for formats with one record per line."""

from __future__ import annotations

from typing import Any

import msgspec

# JSON allows these in strings, but some readers, such as Python's `splitlines`, end a line at them.
_LINE_ENDS = {b"\xc2\x85": b"\\u0085", b"\xe2\x80\xa8": b"\\u2028", b"\xe2\x80\xa9": b"\\u2029"}


def dump_line(value: Any) -> bytes:
    """Returns a value as JSON without line ends of any kind."""
    return one_line(msgspec.json.encode(value))


def one_line(text: bytes) -> bytes:
    """Returns JSON, or lines of JSON, of which each string is on one line to every reader."""
    if not text.isascii():
        for line_end, escape in _LINE_ENDS.items():
            text = text.replace(line_end, escape)
    return text
