"""The opening handshake without I/O (RFC 6455, section 4.2): parses the request, and dumps the responses."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

# RFC 6455, section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_VERSION = b"13"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
# A body would be read as packets.
_OF_BODIES = (b"transfer-encoding", b"content-length")

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request to open a WebSocket, and the Sec-WebSocket-Accept that answers it."""

    target: bytes
    headers: Headers
    accept: bytes

    @property
    def path(self) -> str:
        return unquote(self.raw_path.decode("latin-1"))

    @property
    def raw_path(self) -> bytes:
        return self.target.partition(b"?")[0]

    @property
    def query_string(self) -> bytes:
        return self.target.partition(b"?")[2]

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols that the client offers, the preferred one first."""
        offered = b",".join(value for name, value in self.headers if name == b"sec-websocket-protocol")
        return [name.strip().decode("latin-1") for name in offered.split(b",") if name.strip()]


@dataclass(frozen=True, slots=True)
class Unacceptable:
    """A request that opens no WebSocket, as HTTP status, sentence and headers of the response."""

    status: int
    sentence: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


def parse_request(head: bytes) -> Request | Unacceptable:
    """Parses a request that the HTTP server has already checked, with one header per line."""
    lines = head.split(b"\r\n")
    method, _, rest = lines[0].partition(b" ")
    headers = [_parse_header(line) for line in lines[1:] if line]
    if method != b"GET":
        return Unacceptable(405, "a WebSocket is opened by GET", ((b"allow", b"GET"),))
    return check_request(rest.rpartition(b" ")[0], headers)


def check_request(target: bytes, headers: Headers) -> Request | Unacceptable:
    """Checks a GET request, whose headers have lower-case names and no blanks around."""
    if _only(headers, b"sec-websocket-version") != _VERSION:
        return Unacceptable(426, "this gateway supports version 13", ((b"sec-websocket-version", _VERSION),))
    if [name for name, _ in headers if name in _OF_BODIES]:
        return Unacceptable(400, "a request to open a WebSocket has no body")
    key = _only(headers, b"sec-websocket-key")
    if key is None or not _is_key(key):
        return Unacceptable(400, "Sec-WebSocket-Key must occur once, with 16 bytes in base64")
    return Request(target, headers, accept_of(key))


def accept_of(key: bytes) -> bytes:
    """Returns the Sec-WebSocket-Accept that answers a key."""
    return binascii.b2a_base64(hashlib.sha1(key + _GUID, usedforsecurity=False).digest(), newline=False)


def dump_acceptance(accept: bytes, headers: Iterable[tuple[bytes, bytes]], subprotocol: str | None) -> bytes:
    """Returns the HTTP response that opens the WebSocket."""
    own = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", accept)]
    if subprotocol:
        own.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
    return _dump_head(101, [*own, *headers])


def dump_denial(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Returns the complete HTTP response that refuses a WebSocket; the connection ends after it."""
    given = list(headers)
    names = {name.lower() for name, _ in given}
    own = [(b"connection", b"close"), (b"content-length", str(len(body)).encode())]
    return _dump_head(status, [*given, *(header for header in own if header[0] not in names)]) + body


def _dump_head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, '')}".encode()]
    lines += [name + b": " + value for name, value in headers]
    head = b"\r\n".join([*lines, b"", b""])
    # Header values may contain text of a client, which must not add a header (response splitting).
    if not head.count(b"\r") == head.count(b"\n") == len(lines) + 1:
        raise ValueError("a header contains a line break")
    return head


def _only(headers: Headers, wanted: bytes) -> bytes | None:
    """Returns the value of a header that occurs exactly once, or None."""
    values = [value for name, value in headers if name == wanted]
    return values[0] if len(values) == 1 else None


def _parse_header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()


def _is_key(key: bytes) -> bool:
    try:
        return len(binascii.a2b_base64(key, strict_mode=True)) == _KEY_BYTES
    except binascii.Error:
        return False
