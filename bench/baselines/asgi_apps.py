"""The applications behind the uvicorn baselines: python asgi_apps.py NAME PORT."""

from __future__ import annotations

import json
import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

_PONG = {"type": "pong"}


async def stock_echo(scope: Any, receive: Any, send: Any) -> None:
    """Echoes, as a minimal ASGI application."""
    await receive()
    if scope["type"] != "websocket":
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def answer_pings(websocket: WebSocket) -> None:
    """Reads messages and answers pings, as a tutorial would."""
    await websocket.accept()
    try:
        while True:
            message = json.loads(await websocket.receive_text())
            if message["type"] == "ping":
                await websocket.send_text(json.dumps(_PONG))
    except WebSocketDisconnect:
        return


class _EchoListener:
    """Echoes without ASGI."""

    def __init__(self, wire: Any) -> None:
        from darvaz.gateway.websocket.packets import dump_text

        self._wire = wire
        self._dump_text = dump_text

    def receive_packets(self, packets: list[str]) -> None:
        for packet in packets:
            self._wire.write(self._dump_text(packet))

    def receive_overhead(self, packets: int) -> None: ...

    def receive_oversized(self, is_text: bool) -> None: ...

    def stop(self) -> None: ...

    def end(self, code: int, reason: str) -> None: ...


async def wire_echo(scope: Any, receive: Any, send: Any) -> None:
    """Accepts, and attaches a listener to the connection."""
    from darvaz.gateway.websocket.interface import EXTENSION

    await receive()
    await send({"type": "websocket.accept"})
    wire = scope["extensions"][EXTENSION]
    wire.attach(_EchoListener(wire))


def main(name: str, port: str) -> None:
    """Serves an application until SIGTERM."""
    websocket: Any = "websockets-sansio"
    if name == "wire-echo":
        from darvaz.gateway.websocket.protocol import WebSocketProtocol

        websocket = WebSocketProtocol
    starlette = Starlette(routes=[WebSocketRoute("/", answer_pings)])
    app: Any = {"stock-echo": stock_echo, "wire-echo": wire_echo, "starlette-json": starlette}[name]
    uvicorn.run(
        app,
        port=int(port),
        ws=websocket,
        ws_per_message_deflate=False,
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="error",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
