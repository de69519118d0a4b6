"""A gateway that misbehaves by a script: raw bytes over real sockets, one call for each connection."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DEADLINE_S = 20.0
REQUEST_BYTES_MAX = 8192
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
WELCOME = {"type": "connection_ack", "status": "success", "message": "hello", "time": 1790000000}


def packet(opcode: int, data: bytes = b"", *, is_last: bool = True) -> bytes:
    """Returns an unmasked packet, as a gateway sends it."""
    head = bytes([opcode | (0x80 if is_last else 0)])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 65536:
        return head + bytes([126]) + len(data).to_bytes(2, "big") + data
    return head + bytes([127]) + len(data).to_bytes(8, "big") + data


def text(message: dict[str, Any]) -> bytes:
    """Returns the packet of a message."""
    return packet(TEXT, json.dumps(message).encode())


class Caller:
    """One connection of a board, from the gateway's side."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(DEADLINE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._kept = b""
        self.request = b""

    def receive_head(self) -> bytes:
        """Reads a request to the end of its head and returns it."""
        while b"\r\n\r\n" not in self.request:
            data = self._sock.recv(REQUEST_BYTES_MAX)
            if not data:
                raise ConnectionError("the board hung up in the handshake")
            self.request += data
        return self.request

    def answer(self) -> bytes:
        """Reads the request and returns the answer that accepts it."""
        self.receive_head()
        key = next(line[19:].strip() for line in self.request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
        accept = base64.b64encode(hashlib.sha1(key + GUID.encode()).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode()

    def open(self) -> dict[str, Any]:
        """Does the handshake, hears the introduction and welcomes the board; returns the introduction."""
        self.send(self.answer())
        introduction = self.message()
        self.send(text(WELCOME))
        return introduction

    def send(self, data: bytes) -> None:
        """Sends raw bytes."""
        self._sock.sendall(data)

    def receive(self) -> tuple[int, bytes]:
        """Returns the next packet as (opcode, payload)."""
        first, second = self._take(2)
        assert second & 0x80, "the board did not mask a packet"
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
        key = self._take(4)
        data = self._take(size)
        return first & 15, bytes(byte ^ key[i & 3] for i, byte in enumerate(data))

    def message(self, type_: str | None = None) -> dict[str, Any]:
        """Returns the next text message, of a type if one is given."""
        while True:
            opcode, data = self.receive()
            if opcode == TEXT:
                message: dict[str, Any] = json.loads(data)
                if type_ in (None, message["type"]):
                    return message

    def closing(self) -> int:
        """Returns the code of the board's close packet, whatever came before it."""
        while True:
            opcode, data = self.receive()
            if opcode == CLOSE:
                return int.from_bytes(data[:2], "big") if data else 1005

    def wait_for_end(self) -> None:
        """Returns when the board has hung up."""
        while self._sock.recv(65536):
            pass

    def _take(self, size: int) -> bytes:
        while len(self._kept) < size:
            data = self._sock.recv(65536)
            if not data:
                raise ConnectionError("the board hung up")
            self._kept += data
        data, self._kept = self._kept[:size], self._kept[size:]
        return data


class RoughGateway:
    """Listens, and runs `script(caller, number)` for each connection, the first being number 0."""

    def __init__(self, script: Callable[[Caller, int], None], tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._is_over = False
        self.errors: list[Exception] = []
        self.calls = 0
        port = self._server.getsockname()[1]
        self.url = f"wss://localhost:{port}" if tls else f"ws://127.0.0.1:{port}"

    def __enter__(self) -> RoughGateway:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(DEADLINE_S)
        if error is None and self.errors:
            raise self.errors[0]

    def _serve(self) -> None:
        while not self._is_over:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            number, self.calls = self.calls, self.calls + 1
            threading.Thread(target=self._run, args=(sock, number), daemon=True).start()

    def _run(self, sock: socket.socket, number: int) -> None:
        try:
            with self._tls.wrap_socket(sock, server_side=True) if self._tls else sock as connected:
                self._script(Caller(connected), number)
        except OSError:
            # Boards come and go; a script that needed more fails in its test.
            pass
        except Exception as error:  # noqa: BLE001 (whatever a script did wrong, its test says)
            self.errors.append(error)
