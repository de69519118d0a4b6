"""A WebSocket client that can break every rule: packets are made and read by hand."""

from __future__ import annotations

import socket
from typing import Any, Self

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
MASK = b"\x37\xfa\x21\x3d"
_DEADLINE_S = 10.0


def packet(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bytes | None = MASK, bits: int = 0) -> bytes:
    """Returns a client's packet; without a mask, or with reserved bits, a wrong one."""
    first, masked, length = fin << 7 | bits << 4 | opcode, (mask is not None) << 7, len(payload)
    if length < 126:
        head = bytes((first, masked | length))
    elif length < 65_536:
        head = bytes((first, masked | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, masked | 127)) + length.to_bytes(8, "big")
    if mask is None:
        return head + payload
    repeated = (mask * (length // 4 + 1))[:length]
    body = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")
    return head + mask + body


def text(content: str, **options: Any) -> bytes:
    return packet(1, content.encode(), **options)


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return packet(8, b"" if code is None else code.to_bytes(2, "big") + reason)


class RawSocket:
    """One connection; what the server sends is read packet by packet as (opcode, payload)."""

    def __init__(self, port: int, path: str = "/", more: str = "", *, upgrade: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), _DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.status = 0
        self.head = ""
        if upgrade:
            self.send(REQUEST.format(path=path, more=more).encode())
            self.read_head()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_head(self) -> None:
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self._some()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        self.head = head.decode("latin-1")
        self.status = int(self.head.split()[1])

    def read_rest(self) -> bytes:
        """Returns everything until the server ends the connection."""
        while some := self.socket.recv(65_536):
            self._buffer += some
        return self._buffer

    def receive(self) -> tuple[int, bytes]:
        """Returns the next packet; fails if it is fragmented, masked or has reserved bits."""
        first, length = self._take(2)
        assert first & 0xF0 == 0x80, f"first byte {first:#x}"
        assert length < 0x80, "a server masks nothing"
        if length == 126:
            length = int.from_bytes(self._take(2), "big")
        elif length == 127:
            length = int.from_bytes(self._take(8), "big")
        return first & 0x0F, self._take(length)

    def receive_close(self) -> int | None:
        """Reads up to the close packet and returns its code, None without; fails if there is none."""
        while True:
            opcode, payload = self.receive()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big") if payload else None

    def is_ended(self) -> bool:
        """Whether the server ends the connection, with nothing more before that."""
        try:
            return not self._buffer and self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += self._some()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _some(self) -> bytes:
        some = self.socket.recv(65_536)
        if not some:
            raise EOFError("the server ended the connection")
        return some
