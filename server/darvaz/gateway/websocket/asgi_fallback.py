"""A wire over plain ASGI messages, for the WebSocket protocols that uvicorn brings along: slower, and the same."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from darvaz.gateway.websocket.interface import Listener
from darvaz.gateway.websocket.packets import LOST, NO_CODE, Opcode, parse_packet

OUTBOX_PACKETS_MAX = 256
_OUTBOX_PACKETS_PAUSE = 64
_SEND_DEADLINE_S = 30.0


class AsgiWire:
    """Feeds a listener from one accepted WebSocket and writes for it, in order.

    Packets wait in an outbox of at most `OUTBOX_PACKETS_MAX`; a peer that does not read is not read
    from either once it is a quarter full, and is dropped when it is full.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._listener: Listener
        self._outbox: deque[bytes | tuple[int, str]] = deque()
        self._sending_bytes = 0
        self._is_closing = False
        self._may_read = True
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._reader: asyncio.Task[Any] | None = None
        self._dropped_for = ""

    # The wire

    def attach(self, listener: Listener) -> None:
        self._listener = listener

    def limit(self, text_bytes_max: int, binary_bytes_max: int, *, one_by_one: bool = False) -> None:
        """The protocol has its own limit, `ws_max_size`; the session looks at the rest."""

    def write(self, packet: bytes, count: int = 1) -> None:
        for _ in range(count):
            if not self._is_closing:
                self._post(packet)

    def close(self, code: int, reason: str) -> None:
        if not self._is_closing:
            self._post((code, reason))
            self._is_closing = True

    def abort(self, reason: str) -> None:
        self._is_closing = True
        self._outbox.clear()
        self._dropped_for = reason
        if self._reader is not None:
            self._reader.cancel(reason)

    def pause_reading(self) -> None:
        self._may_read = False
        self._room.clear()

    def resume_reading(self) -> None:
        self._may_read = True
        self._make_room()

    def write_now(self, packet: bytes) -> None:
        self.write(packet)

    def unsent_bytes(self) -> int:
        return self._sending_bytes + sum(len(packet) for packet in self._outbox if isinstance(packet, bytes))

    # The two tasks

    async def run(self) -> None:
        """Reads until the connection ends; whatever happens, the listener is told."""
        self._reader = asyncio.current_task()
        writer = asyncio.create_task(self._write_all())
        code, reason = LOST, ""
        try:
            code, reason = await self._read_all()
        except asyncio.CancelledError:
            # Being dropped is no cancellation from outside, which must pass through.
            if not self._dropped_for:
                raise
        finally:
            writer.cancel()
            self._listener.end(code, self._dropped_for or reason)

    async def _read_all(self) -> tuple[int, str]:
        while True:
            await self._room.wait()
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return message.get("code", NO_CODE), message.get("reason") or ""
            text = message.get("text")
            self._listener.receive_packets([message["bytes"] if text is None else text])

    async def _write_all(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    async with asyncio.timeout(_SEND_DEADLINE_S):
                        await self._send(self._outbox.popleft())
                    self._make_room()
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
            self.abort(f"writing failed: {error or type(error).__name__}")

    async def _send(self, write: bytes | tuple[int, str]) -> None:
        if isinstance(write, tuple):
            await self._websocket.close(*write)
            return
        self._sending_bytes = len(write)
        opcode, payload = parse_packet(write)
        if opcode == Opcode.TEXT:
            await self._websocket.send_text(payload.decode())
        else:
            await self._websocket.send_bytes(payload)
        self._sending_bytes = 0

    def _post(self, write: bytes | tuple[int, str]) -> None:
        if len(self._outbox) >= OUTBOX_PACKETS_MAX:
            self.abort("it does not read what it is sent")
            return
        self._outbox.append(write)
        self._wake.set()
        if len(self._outbox) >= _OUTBOX_PACKETS_PAUSE:
            self._room.clear()

    def _make_room(self) -> None:
        if self._may_read and len(self._outbox) < _OUTBOX_PACKETS_PAUSE:
            self._room.set()
