"""The way past the HTTP parser for what boards send: one plain request to upgrade, whole in one segment.

Only what can be read in a single way is taken here; everything else goes to h11 as it came.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from darvaz.gateway.websocket.handshake import Headers

# No line folding, no control characters, no name but a token (RFC 9112, section 5): stricter than h11.
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rb"[\x21-\x7e\x80-\xff][^\x00-\x1f\x7f]*"
_HEAD = re.compile(rb"GET ([\x21-\x7e]+) HTTP/1\.1\r\n((?:" + _NAME + rb":[ \t]*(?:" + _VALUE + rb")?\r\n)+)\r\n")
HEAD_BYTES_MAX = 8_192
# A body, or a wish that comes before one, is for the parser that knows about bodies.
_NEVER = frozenset({b"content-length", b"transfer-encoding", b"expect", b"http2-settings"})
_ONCE = frozenset({b"host", b"upgrade", b"connection"})


class UpgradeRequest(NamedTuple):
    """A request to upgrade, as h11 would have it."""

    method: bytes
    target: bytes
    headers: Headers


def parse_upgrade(data: bytes) -> UpgradeRequest | None:
    """Returns the request to open a WebSocket that these bytes are, plain and whole, or None."""
    match = _HEAD.fullmatch(data) if len(data) <= HEAD_BYTES_MAX else None
    if match is None:
        return None
    headers = [_split(line) for line in match[2].split(b"\r\n")[:-1]]
    said = dict(headers)
    names = [name for name, _ in headers]
    is_plain = all(names.count(name) == 1 for name in _ONCE) and not _NEVER & said.keys()
    if not is_plain or said[b"upgrade"].lower() != b"websocket":
        return None
    wishes = [wish.strip().lower() for wish in said[b"connection"].split(b",")]
    return UpgradeRequest(b"GET", match[1], headers) if b"upgrade" in wishes else None


def _split(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")
