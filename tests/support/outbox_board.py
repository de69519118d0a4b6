"""A board's outbox and WebSocket, those of the firmware, on a cable to a gateway's protocol class in the same process.

The cable is cut after any number of bytes. Only the firmware's link, which needs the asyncio of MicroPython, is done
here in steps: nothing happens by itself.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Sequence
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.server import ServerState

from darvaz.gateway.websocket.protocol import WebSocketProtocol
from firmware.lib.darvaz.outbox import Outbox
from firmware.lib.darvaz.websocket import ANSWER_BYTES_MAX, WebSocket
from tests.support.app import LOCALHOST, RunningApp

BOOT_ID = "b1"
DEADLINE_S = 60.0
_MESSAGE_BYTES_MAX = 2048


@functools.lru_cache(maxsize=1)
def _config(app: Starlette) -> uvicorn.Config:
    config = uvicorn.Config(app, interface="asgi3", log_config=None)
    config.loaded_app = app
    return config


class Cable(asyncio.Transport):
    """The transport of a gateway's connection: what is written arrives at once, until the cable is cut."""

    def __init__(self, gateway: RunningApp) -> None:
        super().__init__({"peername": (LOCALHOST, 40_000), "sockname": (LOCALHOST, gateway.port)})
        # After how many bytes more, in both directions together, it is cut; None: never.
        self.left_bytes: int | None = None
        self.is_cut = False
        self._to_board = bytearray()
        self._protocol = WebSocketProtocol(_config(gateway.app), ServerState(), {})
        self._protocol.connection_made(self)

    def send(self, data: bytes | memoryview) -> None:
        """Carries bytes to the gateway, as far as the cable does."""
        data = bytes(data)[: self._pass(len(data))]
        if data:
            self._protocol.data_received(data)
        self.cut_if_due()

    def read(self) -> bytes:
        """Returns what has come to the board."""
        data = bytes(self._to_board[: self._pass(len(self._to_board))])
        self._to_board.clear()
        self.cut_if_due()
        return data

    def cut_if_due(self) -> None:
        if self.left_bytes == 0 and not self.is_cut:
            self.is_cut = True
            self._protocol.connection_lost(None)

    def _pass(self, count: int) -> int:
        if self.left_bytes is None:
            return count
        count = min(count, self.left_bytes)
        self.left_bytes -= count
        return count

    # For the gateway

    def write(self, data: Any) -> None:
        self._to_board += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_cut


class OutboxBoard:
    """One start of a board, whose messages have the numbers from 0 on."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.outbox = Outbox(_MESSAGE_BYTES_MAX)
        self.made = 0
        self._websocket = WebSocket(ANSWER_BYTES_MAX, _MESSAGE_BYTES_MAX)
        self._is_confirming = self._is_online = False
        self.cable: Cable

    def say(self, type_: str, uptime_ms: int, **fields: Any) -> None:
        """Keeps a message, as `Device.report_values` and `Device.keep` do."""
        message = {"type": type_, **fields, "uptime_ms": uptime_ms, "seq": self.made}
        self.outbox.append(json.dumps(message, separators=(",", ":")).encode())
        self.made += 1

    async def connect(self, gateway: RunningApp, uptime_ms: int) -> None:
        """Opens the next link, up to the gateway's welcome."""
        self.outbox.rewind()
        self._is_confirming = self._is_online = False
        self.cable = Cable(gateway)
        self.cable.send(self._websocket.start(gateway.host, "/ws/pico", {}))
        await self._read_until("opened")
        introduction = {"type": "connect", "device": self.device, "boot_id": BOOT_ID, "uptime_ms": uptime_ms}
        self.cable.send(self._websocket.send_text(json.dumps(introduction)))
        await self._read_until("text")

    def work(self) -> bool:
        """Reads what has come, writes what may be written, and says whether a pong is awaited."""
        self._read()
        while not self.cable.is_cut:
            message = self.outbox.next()
            if message is not None:
                self.cable.send(self._websocket.send_text(message))
                # Also of what the cable did not carry: a socket has taken it.
                self.outbox.advance()
            elif not self._is_confirming and self.outbox.mark():
                self._is_confirming = True
                self.cable.send(self._websocket.send_ping())
            else:
                break
        return self._is_confirming and not self.cable.is_cut

    async def _read_until(self, event: str) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while event not in self._read():  # noqa: ASYNC110 (a board wakes nobody)
                await asyncio.sleep(0)

    def _read(self) -> list[str]:
        data, names = self.cable.read(), []
        self._websocket.input_space()[: len(data)] = data
        if data:
            self._websocket.receive(len(data))
        while (event := self._websocket.take_event()) is not None:
            names.append(event[0])
            if event[0] == "pong":
                self._is_confirming = False
                self.outbox.confirm()
        return names


async def deliver(gateway: RunningApp, boards: Sequence[OutboxBoard]) -> None:
    """Has boards send all that waits, the gateway sync it, and the boards hear of that, as far as their cables do."""
    async with asyncio.timeout(DEADLINE_S):
        # All of them work, whatever the first says.
        while sum(board.work() for board in boards):
            assert await gateway.parts.recorder.wait_until_durable(DEADLINE_S)
            # The pongs are written by the event loop's next steps.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
