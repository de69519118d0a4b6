"""Unmasks what a client sends (RFC 6455, section 5.3); replaced by masking.c where that is compiled."""

from __future__ import annotations

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part of websockets
    from websockets.utils import apply_mask

_MASK_BYTES = 4


def unmask(data: bytes, start: int, stop: int) -> bytes:
    """Returns the payload from `start` to `stop`, unmasked; the mask lies before it."""
    return apply_mask(data[start:stop], data[start - _MASK_BYTES : start])


def unmask_text(data: bytes, start: int, stop: int) -> str:
    """Returns the payload as text; raises `UnicodeDecodeError` if it is not UTF-8."""
    return unmask(data, start, stop).decode()
