"""The WebSocket protocols, event loops and applications of the same tests."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from darvaz.gateway.websocket.interface import EXTENSION, PacketConnection
from darvaz.gateway.websocket.packets import dump_binary, dump_text
from darvaz.gateway.websocket.protocol import WebSocketProtocol
from tests.support.webserver import WebServer

MAX_BYTES = 17 * 1024 * 1024
REQUEST = (
    b"GET /ws/pico?x=1 HTTP/1.1\r\nHost: gateway:3000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop]:
    uvloop = pytest.importorskip("uvloop")
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


OURS = ["ours on uvloop", "ours on asyncio"]
STOCK = ["websockets-sansio", *(["wsproto"] if _has("wsproto") else [])]


def serve(app: Callable[..., Any], name: str, **options: Any) -> WebServer:
    """Returns a server of one of the protocols above."""
    options = {"ws_max_size": MAX_BYTES, **options}
    if name == "ours on asyncio":
        return WebServer(app, WebSocketProtocol, **options)
    return WebServer(app, WebSocketProtocol if name == "ours on uvloop" else name, _uvloop(), **options)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Sends back every message, as an ASGI application."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


class EchoListener:
    """Sends back every packet without ASGI, and records the end."""

    def __init__(self, connection: PacketConnection) -> None:
        self.connection = connection
        self.batches: list[int] = []
        self.ended: list[tuple[int, str]] = []
        self.oversized: list[bool] = []
        self.overhead = 0

    def receive_packets(self, packets: list[str | bytes]) -> None:
        self.batches.append(len(packets))
        for packet in packets:
            self.connection.write(dump_text(packet) if isinstance(packet, str) else dump_binary(packet))

    def receive_overhead(self, packets: int) -> None:
        self.overhead += packets

    def receive_oversized(self, is_text: bool) -> None:
        self.oversized.append(is_text)

    def stop(self) -> None:
        self.connection.write(dump_text("stopping"))

    def end(self, code: int, reason: str) -> None:
        self.ended.append((code, reason))


class DirectEcho:
    """An application that hands each connection to an `EchoListener` and ends."""

    def __init__(self, listener: type[EchoListener] = EchoListener) -> None:
        self.listeners: list[EchoListener] = []
        self._listener = listener

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        connection: PacketConnection = scope["extensions"][EXTENSION]
        self.listeners.append(self._listener(connection))
        connection.attach(self.listeners[-1])
