"""Scripted servers for the load generator: a test decides every byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from bench.generator import Generator, Options

DEADLINE_S = 10.0
ACCEPTANCE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
Script = Callable[["Peer"], None]


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def read_head(self) -> bytes:
        """Returns the request of a handshake."""
        lines = []
        while (line := self._stream.readline()) not in (b"\r\n", b""):
            lines.append(line)
        return b"".join(lines)

    def read_packet(self) -> str:
        """Returns the text of one masked WebSocket packet."""
        first, second = self.read(2)
        assert first == 0x81, "a whole text packet"
        assert second & 0x80, "a client masks"
        size = second & 0x7F
        size = int.from_bytes(self.read(2), "big") if size == 126 else size
        mask = self.read(4)
        return bytes(byte ^ mask[index % 4] for index, byte in enumerate(self.read(size))).decode()

    def write_text(self, text: str) -> None:
        data = text.encode()
        size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")
        self.write(b"\x81" + size + data)


@contextlib.contextmanager
def serving(script: Script) -> Iterator[int]:
    """Runs a script for each connection, in a thread each; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, script), daemon=True).start()
        yield listener.getsockname()[1]
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, script: Script) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_run, args=(connection, script), daemon=True).start()


def _run(connection: socket.socket, script: Script) -> None:
    connection.settimeout(DEADLINE_S)
    with connection, contextlib.suppress(EOFError, OSError):
        script(Peer(connection))


def run(generator: Generator, port: int, mode: str = "exchange", **options: Any) -> dict[str, Any]:
    """Runs the load generator for a short while; underscores stand for hyphens."""
    given: Options = {name.replace("_", "-"): value for name, value in options.items()}
    return generator.run(mode, {"port": port, "warmup-ms": 10, "window-ms": 100, **given})
