"""Where a frame starts and ends: cameras put zeros or FF behind the end of a JPEG to fill a block."""

from __future__ import annotations

PADDING_BYTES_MAX = 4096


def trim_frame(data: bytes) -> bytes:
    """Returns a JPEG without the padding behind its end; nothing if it is not one."""
    if data[:2] != b"\xff\xd8":
        return b""
    if data[-2:] == b"\xff\xd9":
        return data
    tail = data[-PADDING_BYTES_MAX:]
    end = len(data) - len(tail) + len(tail.rstrip(b"\x00\xff"))
    return data[:end] if end > 3 and data[end - 2 : end] == b"\xff\xd9" else b""
