"""The Python client against a real gateway: the same tests for the synchronous and the asynchronous one."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from darvaz import AsyncGateway, Gateway
from darvaz.client import (
    Away,
    CommandFailed,
    CommandTimeout,
    GatewayError,
    Invalid,
    NotAllowed,
    NotFound,
    Unreachable,
)
from darvaz.gateway.api.device_pages import LIMIT_MAX
from darvaz.gateway.devices.registry import Devices, KnownDevice
from darvaz.gateway.storage.database import open_database
from tests.support.board import Board, board_at
from tests.support.camera import Camera, jpeg
from tests.support.gateway import GatewayProcess, unused_port

pytestmark = pytest.mark.timeout(90)
DEADLINE_S = 20.0
COMMANDS: dict[str, Any] = {
    "pan": {"angle": {"type": "number", "min": 0, "max": 180, "unit": "°"}},
    "say": {"text": {"type": "string", "default": "hello"}},
}

Do = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env={"DARVAZ_COMMAND_DEADLINE_S": "2"}) as running:
        yield running


class Flavour:
    """One flavour of the client; `do` calls any of its methods, `first` takes the first of what it yields."""

    def __init__(self, is_async: bool) -> None:
        self.make: Any = AsyncGateway if is_async else Gateway
        self._is_async = is_async

    async def do(self, method: Callable[..., Any], *args: Any, **words: Any) -> Any:
        if self._is_async:
            return await method(*args, **words)
        return await asyncio.to_thread(method, *args, **words)

    async def first(self, stream: Any, count: int = 1) -> list[Any]:
        if not self._is_async:
            return await asyncio.to_thread(lambda: [next(stream) for _ in range(count)])
        async with asyncio.timeout(DEADLINE_S), contextlib.aclosing(stream):
            return [await anext(stream) for _ in range(count)]


@pytest.fixture(params=["synchronous", "asynchronous"])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return Flavour(request.param == "asynchronous")


@pytest.fixture
async def gw(gateway: GatewayProcess, flavour: Flavour) -> AsyncIterator[Any]:
    client = flavour.make(gateway.url)
    yield client
    await flavour.do(client.close)


@pytest.fixture
async def board(gateway: GatewayProcess) -> AsyncIterator[Board]:
    async with board_at(gateway.ws_url, "pan-tilt", commands=COMMANDS) as board:
        yield board


async def acknowledge(board: Board, **ack: Any) -> dict[str, Any]:
    command = await board.receive("command")
    await board.send("ack", id=command["id"], **ack)
    return command


async def test_a_function_on_the_board_is_called(gw: Any, flavour: Flavour, board: Board) -> None:
    acknowledging = asyncio.create_task(acknowledge(board, status="ok", result={"angle": 90}))

    assert await flavour.do(gw["pan-tilt"].pan, angle=90) == {"angle": 90}

    command = await acknowledging
    assert (command["name"], command["args"]) == ("pan", {"angle": 90})


async def test_a_failed_command_is_an_error_with_the_boards_reason(gw: Any, flavour: Flavour, board: Board) -> None:
    acknowledging = asyncio.create_task(acknowledge(board, status="error", message="the servo is stuck"))

    with pytest.raises(CommandFailed, match="the servo is stuck"):
        await flavour.do(gw["pan-tilt"].pan, angle=90)
    await acknowledging


@pytest.mark.usefixtures("board")
async def test_each_refusal_has_an_error_class_of_its_own(gw: Any, flavour: Flavour) -> None:
    with pytest.raises(Invalid, match="points") as wrong:
        await flavour.do(gw["pan-tilt"].telemetry, "temperature", points=0)
    with pytest.raises(CommandTimeout):
        await flavour.do(gw["pan-tilt"].pan, angle=1)
    with pytest.raises(NotFound, match="nobody"):
        await flavour.do(gw["nobody"].about)

    assert (wrong.value.code, wrong.value.status) == ("invalid", 422)
    assert isinstance(wrong.value, GatewayError) and isinstance(wrong.value, ValueError)


async def test_a_device_that_disconnected_is_away(gateway: GatewayProcess, gw: Any, flavour: Flavour) -> None:
    async with board_at(gateway.ws_url, "guest"):
        assert (await flavour.do(gw["guest"].about))["online"] is True

    with pytest.raises(Away):
        await flavour.do(gw["guest"].pan, angle=1)


async def test_telemetry_is_read_as_numbers_and_over_time(gw: Any, flavour: Flavour, board: Board) -> None:
    await board.send("telemetry", values={"temperature": 21.5, "window": "open"})
    await asyncio.sleep(1.5)

    latest = await flavour.do(gw["pan-tilt"].telemetry)
    points = await flavour.do(gw["pan-tilt"].telemetry, "temperature", since=timedelta(minutes=5))

    assert (latest["temperature"], latest["window"]) == (21.5, "open")
    assert points[-1].mean == points[-1].lowest == 21.5


async def test_log_lines_have_level_and_text(gw: Any, flavour: Flavour, board: Board) -> None:
    await board.send("log", level="warning", message="the wind turns")
    await asyncio.sleep(1)

    lines = await flavour.do(gw["pan-tilt"].log, limit=5)

    assert (lines[-1].level, lines[-1].message) == ("warning", "the wind turns")


async def test_events_arrive_as_they_happen(gw: Any, flavour: Flavour, board: Board) -> None:
    arriving = asyncio.create_task(flavour.first(gw["pan-tilt"].events("log"), count=2))
    await asyncio.sleep(1)
    await board.send("log", message="now")

    hello, event = await arriving

    assert hello.type == "hello"
    assert (event.type, event.device, event.data["message"]) == ("log", "pan-tilt", "now")


async def test_frames_are_taken_and_streamed(gateway: GatewayProcess, gw: Any, flavour: Flavour) -> None:
    async with Camera(gateway.ws_url, device="yard"):
        picture = await flavour.do(gw["yard"].snapshot)
        frames = await flavour.first(gw["yard"].stream(fps=20), count=3)

    assert picture.startswith(b"\xff\xd8") and picture.endswith(b"\xff\xd9")
    assert all(frame.data[:2] == jpeg()[:2] and frame.time > 1e9 for frame in frames)


async def test_tokens_and_labels_are_managed(gateway: GatewayProcess, gw: Any, flavour: Flavour, board: Board) -> None:
    token = await flavour.do(gw.issue_token, "viewer", "for the client")
    [known] = [
        one for one in await flavour.do(gw.tokens) if one["label"] == "for the client" and one["state"] == "live"
    ]
    await flavour.do(gw["pan-tilt"].rename, "By the window")
    viewer = flavour.make(gateway.url, token)
    with pytest.raises(NotAllowed):
        await flavour.do(viewer["pan-tilt"].rename, None)
    assert (await flavour.do(viewer["pan-tilt"].about))["label"] == "By the window"

    await flavour.do(gw.revoke_token, known["id"])

    with pytest.raises(NotAllowed):
        await flavour.do(viewer.devices)
    await flavour.do(viewer.close)


async def test_a_call_with_positional_arguments_is_explained(gw: Any, flavour: Flavour, board: Board) -> None:
    with pytest.raises(TypeError, match=r"by name, as in pan\(angle=…\)"):
        await flavour.do(gw["pan-tilt"].pan, 90)


async def test_arguments_of_a_newer_program_are_accepted(gw: Any, flavour: Flavour, gateway: GatewayProcess) -> None:
    newer = {"pan": {**COMMANDS["pan"], "speed": {"type": "number"}}}
    async with board_at(gateway.ws_url, "renewed", commands=COMMANDS):
        device = gw["renewed"]
        await flavour.do(device.about)
    async with board_at(gateway.ws_url, "renewed", commands=newer) as board:
        acknowledging = asyncio.create_task(acknowledge(board, status="ok", result="done"))

        assert await flavour.do(device.pan, angle=90, speed=2) == "done"
        await acknowledging


async def test_many_requests_at_once_take_turns(gateway: GatewayProcess) -> None:
    async with AsyncGateway(gateway.url) as client:
        answers = await asyncio.gather(*(client.health() for _ in range(150)))

    assert len(answers) == 150


async def test_the_asynchronous_one_lists_devices(gateway: GatewayProcess, board: Board) -> None:
    async with AsyncGateway(gateway.url) as gw:
        names = [device.name async for device in gw]

        assert "pan-tilt" in names
        assert await gw["pan-tilt"].online is True


@pytest.mark.parametrize("stream", ["events", "frames"])
async def test_the_answer_of_another_program_is_not_a_stream(flavour: Flavour, stream: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        client = flavour.make(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(GatewayError, match="does not answer as a Darvaz gateway"):
            await flavour.first(client.events() if stream == "events" else client["yard"].stream())
        await flavour.do(client.close)


async def test_a_gateway_that_is_away_is_an_error_with_advice(flavour: Flavour) -> None:
    client = flavour.make(f"http://127.0.0.1:{unused_port()}")

    with pytest.raises(Unreachable, match="darvaz serve"):
        await flavour.do(client.devices)
    await flavour.do(client.close)


# Only the synchronous one has this: help at a prompt


@pytest.mark.usefixtures("board")
async def test_a_prompt_completes_devices_and_commands_with_their_arguments(gateway: GatewayProcess) -> None:
    def inspect_all() -> tuple[list[str], list[str], str, str]:
        with Gateway(gateway.url) as gw:
            device = gw["pan-tilt"]
            signature = str(inspect.signature(device.pan))
            return gw._ipython_key_completions_(), dir(device), signature, device.pan.__doc__

    names, attributes, signature, description = await asyncio.to_thread(inspect_all)

    assert "pan-tilt" in names and {"pan", "say", "telemetry"} <= set(attributes)
    assert signature == "(*, angle: float)"
    assert "angle: number from 0 to 180 °" in description


async def test_a_prompt_without_a_gateway_completes_what_is_known() -> None:
    with Gateway(f"http://127.0.0.1:{unused_port()}") as gw:
        assert "telemetry" in dir(gw["pan-tilt"])


@pytest.mark.usefixtures("board")
async def test_a_gateway_contains_its_devices(gateway: GatewayProcess) -> None:
    def inspect_all() -> tuple[bool, bool, bool]:
        with Gateway(gateway.url) as gw:
            return "pan-tilt" in gw, gw["pan-tilt"] in gw, "nobody" in gw

    assert await asyncio.to_thread(inspect_all) == (True, True, False)


async def test_a_wrong_argument_name_is_an_error_before_it_is_sent(gateway: GatewayProcess, board: Board) -> None:
    def call() -> None:
        with Gateway(gateway.url) as gw:
            [device] = [device for device in gw if device.name == "pan-tilt"]
            device.pan(angel=90)

    with pytest.raises(Invalid, match=r"has no argument angel, needs angle; it is called as pan\(\*, angle: float\)"):
        await asyncio.to_thread(call)


async def test_events_go_on_after_a_restart_of_the_gateway() -> None:
    with GatewayProcess() as gateway:
        async with AsyncGateway(gateway.url) as gw:
            stream = gw.events("presence")
            async with asyncio.timeout(60):
                assert (await anext(stream)).type == "hello"
                await asyncio.to_thread(gateway.stop)
                await asyncio.to_thread(gateway.start)
                async with board_at(gateway.ws_url, "latecomer"):
                    while (event := await anext(stream)).type != "presence":
                        pass
            await stream.aclose()  # type: ignore[attr-defined]

    assert (event.device, event.data["online"]) == ("latecomer", True)


async def test_the_devices_of_several_pages_are_one_list(tmp_path: Path, flavour: Flavour) -> None:
    names = [f"known-{number:04}" for number in range(LIMIT_MAX + 1)]
    known = Devices(open_database(tmp_path))
    for name in names:
        known.remember(KnownDevice.introduced(name, "pico", "192.0.2.7", {}, 1.0))
    assert known.close()

    with GatewayProcess(data=tmp_path) as gateway:
        client = flavour.make(gateway.url)
        found = await flavour.do(client.devices)
        await flavour.do(client.close)

    assert [device.name for device in found] == names
