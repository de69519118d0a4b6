"""Boards are asked for what viewers want: once, in time, again after a failure, and less over a weak link."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.cameras import StreamController, stream_control
from darvaz.gateway.devices.description import Protection
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.frames import CameraSettings, Frames, Viewer, ViewerRequest
from darvaz.gateway.storage.database import open_database
from darvaz.protocol.codec import MessageCodec

PROTOCOL = MessageCodec()
DEADLINE_S = 20.0
MS = 0.001
BOUNDS = CameraSettings(fps=10, fps_max=25, size="board", size_max="SVGA", quality=0, quality_max=90, idle_every_s=10.0)
STREAM = {
    "fps": {"type": "number"},
    "size": {"type": "string", "choices": ["QVGA", "VGA"], "default": "QVGA"},
    "quality": {"type": "integer", "min": 1, "max": 100, "default": 60},
}


class Board:
    """A board's link that answers commands as the test says, and keeps what it was asked for."""

    kind_name = "esp32cam"
    address = "192.0.2.7"
    protection: Protection = "open"

    def __init__(self, hub: Hub, device: str = "yard") -> None:
        self.device: str | None = device
        self.streams: list[dict[str, Any]] = []
        self.probes = 0
        self.answer: Callable[[str], dict[str, Any] | None] = lambda name: {"status": "ok"}
        self._hub = hub
        self._received = asyncio.Event()

    def come(self, **commands: Any) -> None:
        fields = {"device": self.device, "commands": commands or {"stream": STREAM}}
        self._hub.join(str(self.device), self, PROTOCOL.make("connect", **fields))

    def send_command(self, message: Any) -> bool:
        if message.name == "stream":
            self.streams.append(message.args)
        else:
            self.probes += 1
        self._received.set()
        answer = self.answer(message.name)
        if answer is not None:
            ack = PROTOCOL.make("ack", id=message.id, **answer)
            asyncio.get_running_loop().call_soon(self._hub.acknowledge, self, ack)
        return True

    def close(self, name: str, sentence: str) -> None:
        """A newer link of this device took over."""

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not is_so():
                self._received.clear()
                await self._received.wait()


class Sink:
    """A sender that takes everything."""

    def write(self, packet: bytes) -> None: ...

    def buffered_bytes(self) -> int:
        return 0

    def abort(self, reason: str) -> None: ...


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes all waiting times a hundredth of the usual."""
    for name in ("IDLE_AFTER_S", "MEASURE_EVERY_S", "PROBE_EVERY_S", "_ASK_EVERY_S", "_RETRY_S", "_PROBE_DEADLINE_S"):
        monkeypatch.setattr(stream_control, name, getattr(stream_control, name) / 100)


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Devices]:
    connection: sqlite3.Connection = open_database(tmp_path)
    made = Devices(connection)
    yield made
    made.close()


@pytest.fixture
def hub(devices: Devices) -> Hub:
    return Hub(PROTOCOL, devices, lambda: 1_790_000_000.0)


@pytest.fixture
async def frames(hub: Hub, quickly: None) -> AsyncIterator[Frames]:
    made = Frames(viewers_max=100, viewer_deadline_s=60.0)
    controller = StreamController(hub, made, BOUNDS, command_deadline_s=50 * MS)
    yield made
    await controller.close()
    made.close()


def viewer(request: ViewerRequest | None = None) -> Viewer:
    return Viewer(Sink(), lambda frame: frame.data, request or ViewerRequest(), lambda: True)


async def test_a_board_is_asked_for_the_idle_rate_as_it_declared_it(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.come()

    await board.until(lambda: bool(board.streams))

    assert board.streams == [{"fps": 0.1, "size": "QVGA", "quality": 60}]


async def test_a_board_is_not_asked_again_for_what_it_agreed_to(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.come()
    frames.join("yard", viewer(ViewerRequest(fps=5)))
    await board.until(lambda: {"fps": 5.0, "size": "QVGA", "quality": 60} in board.streams)
    count = len(board.streams)

    for _ in range(5):
        frames.join("yard", viewer(ViewerRequest(fps=4)))
        await asyncio.sleep(10 * MS)

    assert len(board.streams) == count


async def test_a_board_that_connects_again_is_asked_again(hub: Hub, frames: Frames) -> None:
    first, second = Board(hub), Board(hub)
    first.come()
    frames.join("yard", viewer(ViewerRequest(fps=5)))
    await first.until(lambda: first.streams[-1:] != [] and first.streams[-1]["fps"] == 5)

    second.come()
    await second.until(lambda: bool(second.streams))

    assert second.streams[0]["fps"] == 5


async def test_a_forgotten_board_is_no_longer_asked(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.come()
    await board.until(lambda: bool(board.streams))
    presence: list[tuple[str, bool]] = []
    hub.on_presence(lambda device, is_connected: presence.append((device, is_connected)))

    hub.forget("yard")
    count = len(board.streams)
    frames.join("yard", viewer(ViewerRequest(fps=5)))
    await asyncio.sleep(0.2)

    assert presence == [("yard", False)]
    assert len(board.streams) == count


async def test_a_board_that_refuses_is_asked_again(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.answer = lambda name: {"status": "error", "message": "the sensor does not start"}
    board.come()

    await board.until(lambda: len(board.streams) == 3)

    assert len({str(stream) for stream in board.streams}) == 1


async def test_a_board_that_does_not_answer_is_asked_again(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.answer = lambda name: None
    board.come()

    await board.until(lambda: len(board.streams) == 2)


async def test_a_board_that_answers_no_probe_is_probed_only_some_times(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.answer = lambda name: {"status": "ok"} if name == "stream" else None
    board.come()
    frames.join("yard", viewer(ViewerRequest(fps=30)))

    async def shoot() -> None:
        while True:
            frames.push("yard", b"picture")
            await asyncio.sleep(2 * MS)

    shooting = asyncio.create_task(shoot())
    await asyncio.sleep(1.5)
    shooting.cancel()

    assert board.probes == 3
    assert board.streams[-1]["fps"] == 25


async def test_frequent_changes_of_requests_do_not_flood_the_board(hub: Hub, frames: Frames) -> None:
    board, fickle = Board(hub), viewer()
    board.come()
    frames.join("yard", fickle)
    await board.until(lambda: bool(board.streams))
    count = len(board.streams)

    for number in range(1000):
        frames.change_request("yard", fickle, ViewerRequest(fps=1 + number % 20))
        if number % 100 == 0:
            await asyncio.sleep(0)
    frames.change_request("yard", fickle, ViewerRequest(fps=7))
    await board.until(lambda: board.streams[-1]["fps"] == 7)

    assert len(board.streams) - count < 20


async def test_a_device_without_the_command_is_left_alone(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.come(pan={})
    frames.join("yard", viewer())

    await asyncio.sleep(50 * MS)

    assert (board.streams, board.probes) == ([], 0)


async def test_a_board_that_left_is_not_asked(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.come()
    await board.until(lambda: bool(board.streams))

    hub.leave(board)
    frames.join("yard", viewer())
    await asyncio.sleep(50 * MS)

    assert len(board.streams) == 1


async def test_late_answers_lower_the_rate_and_timely_ones_raise_it(hub: Hub, frames: Frames) -> None:
    board = Board(hub)
    board.come()
    await board.until(lambda: bool(board.streams))
    board.answer = lambda name: {"status": "ok"} if name == "stream" else None
    frames.join("yard", viewer(ViewerRequest(fps=20)))

    await board.until(lambda: board.streams[-1]["fps"] not in (0.1, 20.0))
    lowered = board.streams[-1]["fps"]
    board.answer = lambda name: {"status": "ok"}
    await board.until(lambda: board.streams[-1]["fps"] > lowered)

    assert 0 < lowered < 20
