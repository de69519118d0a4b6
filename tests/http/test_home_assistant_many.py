"""Many of everything for Home Assistant: boards, servers on one board, wrong keys, and clients that never read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from noise.connection import NoiseConnection  # type: ignore[import-untyped]
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from darvaz.gateway.esphome.entities import Entity, entities_of
from darvaz.gateway.esphome.framing import PlainFraming, dump_block
from darvaz.gateway.esphome.messages import pb
from darvaz.gateway.esphome.noise import WRONG_KEY
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.home_assistant import assistant_at, node_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

BOARDS = 200
COMMANDS = {"led": {"on": {"type": "boolean"}}}
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
HELLO = PlainFraming().dump(1, pb.HelloRequest(client_info="test").SerializeToString())
DEADLINE_S = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    settings = {"home_assistant": True, "home_assistant_addresses": "127.0.0.1", "home_assistant_port": 0}
    async with RunningApp(links_per_address_max=BOARDS + 10, **settings) as running:
        yield running


async def test_200_boards_are_used_at_once(gateway: RunningApp) -> None:
    names = [f"many-{number}" for number in range(BOARDS)]
    async with contextlib.AsyncExitStack() as stack:
        boards = [await stack.enter_async_context(board_at(gateway, name, commands=COMMANDS)) for name in names]
        homes = [await stack.enter_async_context(assistant_at(gateway, name)) for name in names]
        for home in homes:
            home.client.switch_command(home.entities["led"].key, True)
        for board in boards:
            command = await board.receive("command")
            await board.send("ack", id=command["id"], status="ok")
        states = [await home.state("led", lambda state: not state.missing_state) for home in homes]

    assert [state.state for state in states] == [True] * BOARDS


async def test_what_every_board_has_takes_memory_once(gateway: RunningApp) -> None:
    def own_of(name: str) -> list[Entity]:
        board = gateway.parts.describer.describe(name)
        assert board is not None
        entities = entities_of(board, {}).values()
        return [entity for entity in entities if entity.listing.object_id in ("wifi_signal", "firmware", "camera")]

    async with board_at(gateway, "one", "esp32cam"), board_at(gateway, "two", "esp32cam"):
        own = own_of("one")
        assert len(own) == 3
        assert all(first is second for first, second in zip(own, own_of("two"), strict=True))


async def test_two_servers_have_one_board_and_see_the_same(gateway: RunningApp) -> None:
    async with board_at(gateway, "shared", commands=COMMANDS) as board, assistant_at(gateway, "shared") as first:
        async with assistant_at(gateway, "shared") as second:
            first.client.switch_command(first.entities["led"].key, True)
            command = await board.receive("command")
            await board.send("ack", id=command["id"], status="ok")
            seen = [await home.state("led", lambda state: not state.missing_state) for home in (first, second)]
            clients = (await node_of(gateway, "shared"))["clients"]
        # The other one left; this one stays.
        info = await first.client.device_info()

    assert [state.state for state in seen] == [True, True]
    assert (len(clients), info.name) == (2, "darvaz-shared")


async def test_1000_wrong_keys_keep_nobody_else_out(gateway: RunningApp) -> None:
    async with board_at(gateway, "guarded"):
        async with assistant_at(gateway, "guarded") as home:
            assert await home.client.noise_encryption_set_key(KEY.encode())
        port = (await node_of(gateway, "guarded"))["port"]
        answers = {await answer_to_wrong_key(port) for _ in range(1_000)}
        async with assistant_at(gateway, "guarded", key=KEY) as home:
            assert home.entities
            clients = (await node_of(gateway, "guarded"))["clients"]

    assert answers == {b"\x01" + WRONG_KEY.encode()}
    assert len(clients) == 1


async def answer_to_wrong_key(port: int) -> bytes:
    """Shakes hands with another key than the node's, and returns the last block of what comes back."""
    noise = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
    noise.set_as_initiator()
    noise.set_psks(bytes(32))
    noise.set_prologue(b"NoiseAPIInit\0\0")
    noise.start_handshake()
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(dump_block(b"") + dump_block(b"\0" + bytes(noise.write_message())))
        data = await reader.read()
        writer.close()
    hello_size = 3 + int.from_bytes(data[1:3])
    return data[hello_size + 3 :]


async def test_a_client_that_asks_and_never_reads_is_ended(gateway: RunningApp) -> None:
    ask = PlainFraming().dump(9, pb.DeviceInfoRequest().SerializeToString()) * 1_000
    async with board_at(gateway, "ignored"), asyncio.timeout(DEADLINE_S):
        _, writer = await asyncio.open_connection("127.0.0.1", (await node_of(gateway, "ignored"))["port"])
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(HELLO)
        with pytest.raises(ConnectionError):
            while True:
                writer.write(ask)
                await writer.drain()
        writer.close()
        async with assistant_at(gateway, "ignored") as home:
            assert home.entities


async def test_a_board_whose_name_another_machine_has_is_told_and_the_others_are_announced(
    gateway: RunningApp, caplog: pytest.LogCaptureFixture
) -> None:
    service = "_esphomelib._tcp.local."
    other = AsyncServiceInfo(
        service, f"darvaz-taken.{service}", port=1, server="darvaz-taken.local.", addresses=[bytes(4)]
    )
    async with asyncio.timeout(DEADLINE_S), AsyncZeroconf(interfaces=["127.0.0.1"]) as network:
        await (await network.async_register_service(other))
        async with board_at(gateway, "taken"), board_at(gateway, "own"):
            while not (await node_of(gateway, "own"))["is_discoverable"]:  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.02)
            while "machine of this network is darvaz-taken.local" not in caplog.text:  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.02)
            taken = await node_of(gateway, "taken")
            async with assistant_at(gateway, "taken") as home:
                assert home.entities
        await network.async_unregister_all_services()
        async with board_at(gateway, "taken"):
            while not (await node_of(gateway, "taken"))["is_discoverable"]:  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.02)

    assert not taken["is_discoverable"]
