"""The ASGI side of a WebSocket: one run of the application, fed by and writing to one connection."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected

from darvaz.gateway.websocket.packets import FAILED, LOST, NORMAL, RESTARTING, dump_binary, dump_text

if TYPE_CHECKING:
    from darvaz.gateway.websocket.protocol import WebSocketProtocol

log = logging.getLogger("uvicorn.error")

# An application that does not receive is not read for beyond these; a batch may overshoot them.
QUEUE_PACKETS_MAX = 32
# One that sends without ever waiting for anything meets the peer's full buffer after so much.
UNFLUSHED_BYTES_MAX = 65_536

Message = dict[str, Any]


class AsgiCall:
    """The first listener of a connection; it steps back when the application attaches another one."""

    def __init__(self, wire: WebSocketProtocol, app: Any, scope: Message) -> None:
        self._wire = wire
        self._app = app
        self._scope = scope
        self._queue: deque[Message] = deque([{"type": "websocket.connect"}])
        self._arrived = asyncio.Event()
        self._arrived.set()
        self._denial: Message | None = None
        self._body = b""
        self._unflushed_bytes = 0
        self._is_over = False

    async def run(self) -> None:
        """Runs the application; a connection that it leaves behind, unless attached, is ended."""
        code = FAILED
        try:
            await self._app(self._scope, self._receive, self._send)
            code = NORMAL
        except ClientDisconnected:
            code = NORMAL
        except Exception:
            log.exception("Exception in ASGI application")
        finally:
            if self._wire.is_deciding:
                log.error("ASGI application ended without answering the handshake")
                self._wire.deny(500, [], b"the application did not answer")
            elif self._wire.is_heard_by(self):
                self._wire.close(code, "")

    def step_back(self) -> list[str | bytes]:
        """Returns what the application has not received, for the listener that takes over."""
        waiting = [m["text"] if "text" in m else m["bytes"] for m in self._queue if m["type"] == "websocket.receive"]
        self._queue.clear()
        self._wire.resume_reading()
        return waiting

    # What the connection says

    def receive_packets(self, packets: list[str | bytes]) -> None:
        for packet in packets:
            key = "text" if isinstance(packet, str) else "bytes"
            self._queue.append({"type": "websocket.receive", key: packet})
        self._arrived.set()
        if len(self._queue) >= QUEUE_PACKETS_MAX:
            self._wire.pause_reading()

    def receive_oversized(self, is_text: bool) -> None:
        """The connection closes with 1009 by itself."""

    def stop(self) -> None:
        self._disconnect(RESTARTING, "")

    def end(self, code: int, reason: str) -> None:
        self._disconnect(code, reason)

    def _disconnect(self, code: int, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._queue.append({"type": "websocket.disconnect", "code": code, "reason": reason})
            self._arrived.set()

    # What the application calls

    async def _receive(self) -> Message:
        await self._arrived.wait()
        message = self._queue[0]
        # The end is there for everyone who asks, however often.
        if message["type"] != "websocket.disconnect":
            self._queue.popleft()
        if not self._queue:
            self._arrived.clear()
            self._wire.resume_reading()
        return message

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.send":
                await self._send_packet(message)
            case "websocket.accept":
                self._expect(self._wire.is_deciding and self._denial is None, message)
                self._wire.accept([*message.get("headers", ())], message.get("subprotocol"))
            case "websocket.close":
                self._close(message)
            case "websocket.http.response.start":
                self._expect(self._wire.is_deciding and self._denial is None, message)
                self._denial = message
            case "websocket.http.response.body":
                self._deny(message)
            case other:
                raise RuntimeError(f"there is no ASGI message {other!r} for a WebSocket")

    async def _send_packet(self, message: Message) -> None:
        data = message.get("bytes")
        packet = dump_text(message["text"]) if data is None else dump_binary(data)
        await self._wire.drain()
        if self._is_over and not self._wire.is_open:
            raise ClientDisconnected()
        self._expect(self._wire.is_open, message)
        self._wire.write(packet)
        self._unflushed_bytes += len(packet)
        if self._unflushed_bytes >= UNFLUSHED_BYTES_MAX:
            self._unflushed_bytes = 0
            self._wire.flush()

    def _close(self, message: Message) -> None:
        if self._wire.is_deciding and self._denial is None:
            self._wire.deny(403, [], b"")
            self._disconnect(LOST, "")
            return
        if self._is_over:
            raise ClientDisconnected()
        self._expect(self._wire.is_open, message)
        code, reason = message.get("code", NORMAL), message.get("reason") or ""
        self._wire.close(code, reason)
        self._disconnect(code, reason)

    def _deny(self, message: Message) -> None:
        self._expect(self._denial is not None, message)
        assert self._denial is not None
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            self._wire.deny(self._denial["status"], [*self._denial.get("headers", ())], self._body)
            self._disconnect(LOST, "")

    def _expect(self, is_right: bool, message: Message) -> None:
        if not is_right:
            raise RuntimeError(f"the application sent {message['type']!r} at the wrong time")
