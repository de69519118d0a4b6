"""Requests to open a WebSocket, valid and damaged: what the fast parser accepts, h11 must read in the same way."""

from __future__ import annotations

import random

import h11

from darvaz.gateway.websocket.fast_upgrade import parse_upgrade
from darvaz.gateway.websocket.handshake import Request, Unacceptable, dump_denial, parse_request

_LINES = (
    b"Host: gateway:3000",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
)
_MORE = (
    b"Authorization: Bearer x",
    b"Host: other",
    b"upgrade:h2c",
    b"Connection: keep-alive, UPGRADE",
    b"Content-Length: 0",
    b"Transfer-Encoding: chunked",
    b"Sec-WebSocket-Key: short",
    b"Sec-WebSocket-Protocol: a, b",
    b"X:",
    b" folded",
    b"Bad Name: x",
)
_FIRST = (
    b"GET /ws/pico HTTP/1.1",
    b"GET /a%20b?c=%ff HTTP/1.1",
    b"GET / HTTP/1.0",
    b"POST / HTTP/1.1",
    b"GET  / HTTP/1.1",
)


def make_head(seed: int) -> bytes:
    """Returns the request of a seed."""
    chance = random.Random(seed)
    lines = list(_LINES)
    for _ in range(chance.randrange(3)):
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(_MORE))
    if chance.random() < 0.3:
        del lines[chance.randrange(len(lines))]
    first = _FIRST[0] if chance.random() < 0.7 else chance.choice(_FIRST)
    data = b"\r\n".join((first, *lines)) + b"\r\n\r\n"
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        position = chance.randrange(len(data))
        data = data[:position] + chance.choice((b"", b"\r", b"\n", b"\x00", b"\xff", b":", b" ")) + data[position + 1 :]
    return data


def check_head(data: bytes) -> None:
    """Raises `AssertionError` if the fast parser accepts a request that h11 reads in another way."""
    request = parse_upgrade(data)
    if request is None:
        return
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    event = connection.next_event()
    assert isinstance(event, h11.Request), f"h11 reads {event}"
    theirs = (event.method, event.target, list(event.headers))
    assert (request.method, request.target, list(request.headers)) == theirs, f"{request}, but h11 reads {theirs}"
    answer = parse_request(data)
    assert isinstance(answer, Request | Unacceptable)
    if isinstance(answer, Unacceptable):
        assert dump_denial(answer.status, [*answer.headers], b"").startswith(b"HTTP/1.1 4")
