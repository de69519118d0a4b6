"""Texts for the log that are rare: tracebacks, and lines that are too long. Loaded for them."""

import io
import sys

from .session import to_bytes

_MARK = "…"
_MARK_BYTES = 3


def traceback(error):
    """Returns the traceback of an exception as text; one whose own text fails is named by its type."""
    text = io.StringIO()
    try:
        if hasattr(sys, "print_exception"):
            sys.print_exception(error, text)
        else:
            from traceback import print_exception

            print_exception(error, file=text)
    except Exception:  # noqa: BLE001 (a maker's __str__ may raise anything)
        text.write("\n%s, whose text cannot be shown" % type(error).__name__)
    return text.getvalue().rstrip()


def describe(error):
    """Returns type and text of an exception on one line, in characters that can be sent."""
    try:
        text = "%s: %s" % (type(error).__name__, error)
    except Exception:  # noqa: BLE001 (a maker's __str__ may raise anything)
        return type(error).__name__
    return to_bytes(text).decode()


def cut(data, size_bytes):
    """Returns the largest size, at most `size_bytes`, at which no character is cut."""
    if len(data) <= size_bytes:
        return len(data)
    while size_bytes and data[size_bytes] & 0xC0 == 0x80:
        size_bytes -= 1
    return size_bytes


def shorten(data, bytes_max):
    """Returns the text of some UTF-8, cut to `bytes_max` and marked as cut."""
    return data[: cut(data, bytes_max - _MARK_BYTES)].decode() + _MARK


def with_traceback(message, error, bytes_max):
    """Returns a message with the end of a traceback, in at most `bytes_max` of UTF-8."""
    trace = to_bytes(traceback(error))
    # The call that raised and the error itself are the last lines.
    start = max(0, len(trace) + len(to_bytes(message)) + 1 - bytes_max)
    while start < len(trace) and trace[start] & 0xC0 == 0x80:
        start += 1
    return message + "\n" + trace[start:].decode()
