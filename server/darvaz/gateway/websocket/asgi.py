"""AsgiCall: one run of an ASGI application on one WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected, get_local_addr, get_remote_addr, is_ssl

from darvaz.gateway.websocket.handshake import Request
from darvaz.gateway.websocket.interface import EXTENSION, AsgiConnection
from darvaz.gateway.websocket.packets import FAILED, LOST, NORMAL, RESTARTING, dump_binary, dump_text

log = logging.getLogger("uvicorn.error")

# The peer is not read while this number of messages waits for the application; one batch may exceed it.
QUEUE_PACKETS_MAX = 32
# An application that never awaits anything else has its packets flushed after these many bytes.
UNFLUSHED_BYTES_MAX = 65_536

Message = dict[str, Any]


def make_scope(
    config: Config, transport: asyncio.Transport, request: Request, state: dict[str, Any], connection: AsgiConnection
) -> Message:
    """Returns the scope of a handshake; `state` is what the application set when the server started."""
    return {
        "type": "websocket",
        "asgi": {"version": config.asgi_version, "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if is_ssl(transport) else "ws",
        "server": get_local_addr(transport),
        "client": get_remote_addr(transport),
        "root_path": config.root_path,
        "path": config.root_path + request.path,
        "raw_path": config.root_path.encode() + request.raw_path,
        "query_string": request.query_string,
        "headers": request.headers,
        "subprotocols": request.subprotocols,
        "state": state,
        "extensions": {"websocket.http.response": {}, EXTENSION: connection},
    }


class AsgiCall:
    """The first listener of a connection, until the application attaches another one."""

    def __init__(self, connection: AsgiConnection, app: Any, scope: Message) -> None:
        self._connection = connection
        self._app = app
        self._scope = scope
        # Messages that the application has not received; a disconnect is the last one and stays.
        self._queue: deque[Message] = deque([{"type": "websocket.connect"}])
        # Set while the queue has messages.
        self._arrived = asyncio.Event()
        self._arrived.set()
        # A response that denies the handshake: its start message, and its body so far.
        self._denial: Message | None = None
        self._body = b""
        self._unflushed_bytes = 0
        # Whether the queue has its disconnect.
        self._is_over = False

    async def run(self) -> None:
        """Runs the application; then ends the connection, unless another listener is attached."""
        code = FAILED
        try:
            await self._app(self._scope, self._receive, self._send)
            code = NORMAL
        except ClientDisconnected:
            code = NORMAL
        except Exception:
            log.exception("Exception in ASGI application")
        finally:
            if self._connection.awaits_decision:
                log.error("ASGI application ended without answering the handshake")
                self._connection.deny(500, [], b"the application did not answer")
            elif self._connection.is_listener(self):
                self._connection.close(code, "")

    def detach(self) -> list[str | bytes]:
        """Returns the packets that the application has not received, for the next listener."""
        waiting = [m["text"] if "text" in m else m["bytes"] for m in self._queue if m["type"] == "websocket.receive"]
        self._queue.clear()
        self._connection.resume_reading()
        return waiting

    # Called by the connection

    def receive_packets(self, packets: list[str | bytes]) -> None:
        for packet in packets:
            key = "text" if isinstance(packet, str) else "bytes"
            self._queue.append({"type": "websocket.receive", key: packet})
        self._arrived.set()
        if len(self._queue) >= QUEUE_PACKETS_MAX:
            self._connection.pause_reading()

    def receive_overhead(self, packets: int) -> None:
        """Does nothing: the application attaches a listener that counts them."""

    def receive_oversized(self, is_text: bool) -> None:
        """Does nothing: the connection closes with 1009 by itself."""

    def stop(self) -> None:
        self._disconnect(RESTARTING, "")

    def end(self, code: int, reason: str) -> None:
        self._disconnect(code, reason)

    def _disconnect(self, code: int, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._queue.append({"type": "websocket.disconnect", "code": code, "reason": reason})
            self._arrived.set()

    # Called by the application

    async def _receive(self) -> Message:
        await self._arrived.wait()
        message = self._queue[0]
        # The disconnect stays for every later call (ASGI specification, WebSocket).
        if message["type"] != "websocket.disconnect":
            self._queue.popleft()
        if not self._queue:
            self._arrived.clear()
            self._connection.resume_reading()
        return message

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.send":
                await self._send_packet(message)
            case "websocket.accept":
                self._expect(self._connection.awaits_decision and self._denial is None, message)
                self._connection.accept([*message.get("headers", ())], message.get("subprotocol"))
            case "websocket.close":
                self._close(message)
            case "websocket.http.response.start":
                self._expect(self._connection.awaits_decision and self._denial is None, message)
                self._denial = message
            case "websocket.http.response.body":
                self._deny(message)
            case other:
                raise RuntimeError(f"unknown ASGI message {other!r} for a WebSocket")

    async def _send_packet(self, message: Message) -> None:
        data = message.get("bytes")
        packet = dump_text(message["text"]) if data is None else dump_binary(data)
        await self._connection.drain()
        if self._is_over and not self._connection.is_open:
            raise ClientDisconnected()
        self._expect(self._connection.is_open, message)
        self._connection.write(packet)
        self._unflushed_bytes += len(packet)
        if self._unflushed_bytes >= UNFLUSHED_BYTES_MAX:
            self._unflushed_bytes = 0
            self._connection.flush()

    def _close(self, message: Message) -> None:
        if self._connection.awaits_decision and self._denial is None:
            self._connection.deny(403, [], b"")
            self._disconnect(LOST, "")
            return
        if self._is_over:
            raise ClientDisconnected()
        self._expect(self._connection.is_open, message)
        code, reason = message.get("code", NORMAL), message.get("reason") or ""
        self._connection.close(code, reason)
        self._disconnect(code, reason)

    def _deny(self, message: Message) -> None:
        self._expect(self._denial is not None, message)
        assert self._denial is not None
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            self._connection.deny(self._denial["status"], [*self._denial.get("headers", ())], self._body)
            self._disconnect(LOST, "")

    def _expect(self, is_allowed: bool, message: Message) -> None:
        if not is_allowed:
            raise RuntimeError(f"the application sent {message['type']!r} at the wrong time")
