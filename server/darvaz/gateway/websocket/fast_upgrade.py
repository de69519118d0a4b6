"""A fast parser for what boards send first: one plain request to upgrade, complete in one segment.

It accepts only what can be read in one way; h11 reads everything else. `make fuzz` compares the two.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from darvaz.gateway.websocket.handshake import Headers

# Names are tokens; no line folding and no control characters (RFC 9112, section 5): stricter than h11.
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rb"[\x21-\x7e\x80-\xff][^\x00-\x1f\x7f]*"
_HEAD = re.compile(rb"GET ([\x21-\x7e]+) HTTP/1\.1\r\n((?:" + _NAME + rb":[ \t]*(?:" + _VALUE + rb")?\r\n)+)\r\n")
HEAD_BYTES_MAX = 8_192
# Headers about a body, or about HTTP/2, are left to h11.
_NEVER = frozenset({b"content-length", b"transfer-encoding", b"expect", b"http2-settings"})
_ONCE = frozenset({b"host", b"upgrade", b"connection"})


class UpgradeRequest(NamedTuple):
    """A request to upgrade, with the fields of `h11.Request`."""

    method: bytes
    target: bytes
    headers: Headers


def parse_upgrade(data: bytes) -> UpgradeRequest | None:
    """Returns the request to open a WebSocket if these bytes are one, plain and complete; else None."""
    match = _HEAD.fullmatch(data) if len(data) <= HEAD_BYTES_MAX else None
    if match is None:
        return None
    headers = [_split(line) for line in match[2].split(b"\r\n")[:-1]]
    values = dict(headers)
    once = [name for name, _ in headers if name in _ONCE]
    is_plain = len(once) == len(_ONCE) and _ONCE.issubset(once) and _NEVER.isdisjoint(values)
    if not is_plain or values[b"upgrade"].lower() != b"websocket":
        return None
    options = [option.strip().lower() for option in values[b"connection"].split(b",")]
    return UpgradeRequest(b"GET", match[1], headers) if b"upgrade" in options else None


def _split(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")
