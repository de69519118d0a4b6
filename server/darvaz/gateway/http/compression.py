"""gzip for large answers, for clients that accept it (RFC 9110, section 12.5.3)."""

from __future__ import annotations

import asyncio
import zlib

# Smaller answers fit into one packet as they are.
LEAST_BYTES = 1_400
# What takes more than about a millisecond is compressed in a thread.
_INLINE_BYTES_MAX = 64 * 1024
# Of JSON, the lowest level needs two fifths more bytes and half of the time.
_LEVEL = 6
_GZIP_WINDOW = 31


async def compress_for(accept_encoding: str, body: bytes) -> tuple[bytes, dict[str, str]]:
    """Returns a body as a client with this Accept-Encoding gets it, and the headers that say so.

    Only for answers without secrets: what is compressed beside a text of the caller's own can be guessed by its length.
    """
    vary = {"Vary": "Accept-Encoding"}
    if len(body) < LEAST_BYTES or not accepts_gzip(accept_encoding):
        return body, vary
    packed = _pack(body) if len(body) <= _INLINE_BYTES_MAX else await asyncio.to_thread(_pack, body)
    return packed, {**vary, "Content-Encoding": "gzip"}


def accepts_gzip(accept_encoding: str) -> bool:
    """Returns whether gzip is named, or `*` where it is not, with a weight above 0."""
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameter = part.partition(";")
        key, _, weight = parameter.partition("=")
        try:
            weights[name.strip()] = float(weight) if key.strip() == "q" else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _pack(body: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(body) + packer.flush()
