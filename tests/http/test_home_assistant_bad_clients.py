"""Clients of a node that break the protocol: each loses its own connection, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aioesphomeapi.core import InvalidEncryptionKeyAPIError

from darvaz.gateway.esphome import connection, node, nodes
from darvaz.gateway.esphome.conversation import IMAGE_CHUNK_BYTES
from darvaz.gateway.esphome.framing import PlainFraming
from darvaz.gateway.esphome.messages import pb
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.camera import Camera, jpeg
from tests.support.home_assistant import assistant_at, node_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEADLINE_S = 5.0
HELLO = PlainFraming().dump(1, pb.HelloRequest(client_info="test").SerializeToString())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    settings = {"home_assistant": True, "home_assistant_addresses": "127.0.0.1", "home_assistant_port": 0}
    async with RunningApp(**settings) as running:
        yield running


@contextlib.asynccontextmanager
async def raw(gateway: RunningApp, device: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Opens a connection to the node of a board, without a client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", (await node_of(gateway, device))["port"])
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer_to(gateway: RunningApp, device: str, data: bytes) -> bytes:
    """Sends bytes, and returns all that comes until the node ends the connection."""
    async with raw(gateway, device) as (reader, writer), asyncio.timeout(DEADLINE_S):
        writer.write(data)
        with contextlib.suppress(ConnectionResetError):
            return await reader.read()
        return b""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"\0\xff\xff\xff\xff\xff\xff\xff", id="a length without an end"),
        pytest.param(b"\0\x80\x80\x04\x01" + bytes(100), id="a message of 65,536 bytes"),
        pytest.param(PlainFraming().dump(1, b"\xff\xff\xff"), id="a hello that cannot be read"),
        pytest.param(PlainFraming().dump(9, b""), id="a question before the hello"),
        pytest.param(HELLO + b"\x07", id="a second frame of another framing"),
    ],
)
async def test_nonsense_ends_the_connection(gateway: RunningApp, data: bytes) -> None:
    async with board_at(gateway, "target"):
        await answer_to(gateway, "target", data)
        async with assistant_at(gateway, "target") as home:
            assert home.entities


async def test_messages_of_later_versions_are_left_out(gateway: RunningApp) -> None:
    async with board_at(gateway, "later"), raw(gateway, "later") as (reader, writer):
        writer.write(HELLO + PlainFraming().dump(9_999, b"new") + PlainFraming().dump(7, b""))
        async with asyncio.timeout(DEADLINE_S):
            answers: list[int] = []
            framing = PlainFraming()
            while 8 not in answers:
                answers += [type_ for type_, _ in framing.receive(await reader.read(4096))]

    assert answers == [2, 8]


async def test_a_client_that_says_nothing_is_ended(gateway: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HELLO_DEADLINE_S", 0.05)
    async with board_at(gateway, "patient"):
        assert await answer_to(gateway, "patient", b"\0\x05") == b""


async def test_wrong_keys_harm_nobody(gateway: RunningApp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "darvaz.esphome")
    async with board_at(gateway, "guarded"):
        async with assistant_at(gateway, "guarded") as home:
            assert await home.client.noise_encryption_set_key(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        for _ in range(20):
            with pytest.raises(InvalidEncryptionKeyAPIError):
                async with assistant_at(gateway, "guarded", key="B" * 43 + "="):
                    pass
        async with assistant_at(gateway, "guarded", key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=") as home:
            assert home.entities
        assert (await node_of(gateway, "guarded"))["refused"] == 20
    # The first of them may have come in a minute in which another test was refused.
    assert len([line for line in caplog.messages if "refused" in line]) <= 2


async def test_one_client_too_many_finds_no_place(gateway: RunningApp) -> None:
    async with board_at(gateway, "popular"), contextlib.AsyncExitStack() as stack:
        for _ in range(node.CONNECTIONS_MAX):
            reader, writer = await stack.enter_async_context(raw(gateway, "popular"))
            writer.write(HELLO)
            async with asyncio.timeout(DEADLINE_S):
                await reader.readexactly(3)

        assert await answer_to(gateway, "popular", HELLO) == b""


async def test_a_client_that_takes_no_picture_is_ended(gateway: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "UNREAD_BYTES_MAX", 3 * IMAGE_CHUNK_BYTES)
    request = PlainFraming().dump(45, pb.CameraImageRequest(single=True).SerializeToString())
    async with Camera(gateway, "big", obeys=False) as camera, raw(gateway, "big") as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(HELLO)
        for _ in range(100):
            writer.write(request)
            await camera.send(jpeg(size_bytes=900_000))
            if not (await node_of(gateway, "big"))["clients"]:
                break
        assert (await node_of(gateway, "big"))["clients"] == []


async def test_boards_beyond_the_maximum_have_no_node(
    gateway: RunningApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    count = len((await gateway.get("/api/home-assistant")).json()["nodes"])
    monkeypatch.setattr(nodes, "NODES_MAX", count + 1)
    async with board_at(gateway, "last-one"):
        await node_of(gateway, "last-one")
        async with board_at(gateway, "one-too-many") as board:
            async with asyncio.timeout(DEADLINE_S):
                while "one-too-many is not shown" not in caplog.text:
                    await board.send("ping")
                    await board.receive("pong")
