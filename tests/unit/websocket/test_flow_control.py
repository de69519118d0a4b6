"""The deadlines of a connection, on an event loop with timers that the test fires."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.server import ServerState

from darvaz.gateway.websocket.interface import EXTENSION
from darvaz.gateway.websocket.protocol import WebSocketProtocol
from tests.support.rawsocket import packet, text
from tests.unit.websocket.servers import REQUEST
from tools.fuzz.checks import Listener
from tools.fuzz.stubs import Loop, Transport


class Timer:
    """The handle of a delayed call."""

    def __init__(self, callback: Callable[[], Any]) -> None:
        self.callback = callback
        self.is_due = True

    def cancel(self) -> None:
        self.is_due = False


class TimedLoop(Loop):
    """An event loop whose timers all fire in `pass_time`."""

    def __init__(self) -> None:
        super().__init__()
        self._timers: list[Timer] = []

    def call_later(self, delay_s: float, callback: Callable[[], Any]) -> Timer:
        self._timers.append(Timer(callback))
        return self._timers[-1]

    def pass_time(self) -> None:
        timers, self._timers = self._timers, []
        for timer in timers:
            if timer.is_due:
                timer.callback()
        self.run()


class Connection:
    """An open WebSocket and both ends of it."""

    def __init__(self) -> None:
        self.loop, self.transport = TimedLoop(), Transport()
        config: Any = SimpleNamespace(ws_max_size=1000, loaded_app=self._app, asgi_version="3.0", root_path="")
        self.protocol = WebSocketProtocol(config, ServerState(), {}, self.loop)  # type: ignore[arg-type]
        self.protocol.connection_made(self.transport)  # type: ignore[arg-type]
        self.protocol.data_received(REQUEST)
        self.loop.run()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.listener = Listener(scope["extensions"][EXTENSION], "none")
        scope["extensions"][EXTENSION].attach(self.listener)


@pytest.fixture
def connection() -> Connection:
    return Connection()


def test_a_peer_that_read_everything_in_time_stays(connection: Connection) -> None:
    connection.protocol.pause_writing()
    connection.protocol.resume_writing()
    connection.loop.pass_time()
    connection.protocol.data_received(text("still here"))

    assert connection.protocol.is_open
    assert connection.listener.packets == ["still here"]


def test_a_buffer_that_is_full_again_has_a_new_deadline(connection: Connection) -> None:
    connection.protocol.pause_writing()
    connection.protocol.resume_writing()
    connection.protocol.pause_writing()
    connection.loop.pass_time()

    assert connection.transport.is_over
    assert connection.listener.ended == [1006]


def test_a_peer_that_reads_nothing_is_cut_off(connection: Connection) -> None:
    connection.protocol.pause_writing()
    connection.loop.pass_time()

    assert connection.transport.is_over
    assert connection.listener.ended == [1006]


def test_a_peer_whose_buffer_has_space_again_must_still_answer_the_close(connection: Connection) -> None:
    connection.protocol.pause_writing()
    connection.protocol.close(1000, "")
    connection.protocol.resume_writing()
    connection.protocol.data_received(packet(9))
    connection.loop.pass_time()

    assert connection.transport.is_over
    assert connection.listener.ended == [1006]
