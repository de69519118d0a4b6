"""Three NATS servers of which some die, and networks that are cut: boards stay connected, and one link is valid."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from darvaz.gateway.cluster.node import ClusterNode
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer, three_servers
from tests.support.split_network import SplitNetwork

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

COMMANDS: dict[str, Any] = {"led": {"on": {"type": "boolean"}}}


def is_online(gateway: RunningApp, device: str) -> bool | None:
    found = gateway.parts.describer.describe(device)
    return None if found is None else found.online


def is_away(gateway: RunningApp) -> bool:
    return gateway.parts.cluster.state().state == "away"


async def works(board: Board) -> None:
    """Shows that a link carries messages."""
    await board.send("ping")
    await board.receive("pong")


@contextlib.asynccontextmanager
async def two_gateways(url: str, other: str | None = None) -> AsyncIterator[tuple[RunningApp, RunningApp]]:
    """Two gateways that know each other."""
    async with RunningApp(cluster=url) as one, RunningApp(cluster=other or url) as two:
        await settled(lambda: len(one.parts.cluster.state().nodes) == len(two.parts.cluster.state().nodes) == 2)
        yield one, two


async def test_the_loss_of_the_leader_ends_no_link_and_changes_come_through(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = three_servers(tmp_path, stack)
        async with two_gateways(",".join(server.url for server in servers)) as (one, two):
            async with board_at(one, "early", commands=COMMANDS) as early:
                await settled(lambda: is_online(two, "early") is True)
                (await leader_of(servers, "KV_dv_links")).kill()
                async with board_at(two, "late"):
                    await settled(lambda: is_online(one, "late") is True)
                    await settled(lambda: not is_away(one) and not is_away(two) and is_online(two, "early") is True)
                    asking = asyncio.create_task(two.post("/api/devices/early/commands/led", json={"on": True}))
                    command = await early.receive("command")
                    await early.send("ack", id=command["id"], command="led", status="ok")
                    answer = await asking

    assert answer.status_code == 200


async def test_without_most_servers_boards_stay_and_it_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = three_servers(tmp_path, stack)
        async with two_gateways(",".join(server.url for server in servers)) as (one, two):
            async with board_at(one, "steady") as steady:
                await settled(lambda: is_online(two, "steady") is True)
                issued = one.parts.access.tokens.issue("pico")
                for server in servers[:2]:
                    server.kill()
                await settled(lambda: is_away(one) and is_away(two))
                one.parts.access.tokens.revoke(issued.token_id)
                async with board_at(two, "newcomer") as newcomer:
                    await works(steady)
                    await works(newcomer)
                    for server in servers[:2]:
                        server.start()
                    await settled(lambda: is_online(one, "newcomer") is is_online(two, "steady") is True)
                    await settled(lambda: not two.parts.access.tokens.is_live(issued.token_id))
                    await works(steady)


async def test_commands_reach_boards_elsewhere_while_nats_stores_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = three_servers(tmp_path, stack)
        async with two_gateways(",".join(server.url for server in servers)) as (one, two):
            async with board_at(one, "steady", commands=COMMANDS) as steady:
                await settled(lambda: is_online(two, "steady") is True)
                # Of the servers that are used, none is left.
                used = {server_of(gateway) for gateway in (one, two)}
                for server in sorted(servers, key=lambda server: server.url not in used)[:2]:
                    server.kill()
                await settled(lambda: server_of(one) == server_of(two) and server_of(one) not in used | {None})
                asking = asyncio.create_task(two.post("/api/devices/steady/commands/led", json={"on": True}))
                command = await steady.receive("command")
                await steady.send("ack", id=command["id"], command="led", status="ok")
                answer = await asking
                online = is_online(two, "steady")

    assert (answer.status_code, online) == (200, True)


def server_of(gateway: RunningApp) -> str | None:
    """Returns the server of NATS that a gateway is connected to."""
    node = gateway.parts.cluster
    assert isinstance(node, ClusterNode)
    return None if node.connection is None else node.connection.server


async def test_a_device_with_two_links_on_both_sides_of_a_cut_has_one_once_it_is_mended(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with SplitNetwork(server.port) as network:
            async with two_gateways(f"nats://127.0.0.1:{network.port}", server.url) as (one, two):
                async with board_at(one, "torn", boot_id="first") as first:
                    await settled(lambda: is_online(two, "torn") is True)
                    network.cut()
                    await settled(lambda: is_online(two, "torn") is False and is_away(one))
                    async with board_at(two, "torn", boot_id="second") as second:
                        await works(first)
                        network.mend()
                        with pytest.raises(ConnectionClosed) as closed:
                            await first.receive("nothing")
                        await works(second)
                        await settled(lambda: not is_away(one) and one.parts.describer.describe("torn") is not None)
                        boots = [gateway.parts.describer.describe("torn") for gateway in (one, two)]

    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4409
    assert [each is not None and each.boot_id for each in boots] == ["second", "second"]


async def test_a_claim_that_nats_never_knew_yields_to_one_that_it_knew(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with SplitNetwork(server.port) as network:
            async with two_gateways(f"nats://127.0.0.1:{network.port}", server.url) as (one, two):
                network.cut()
                await settled(lambda: is_away(one))
                async with board_at(one, "hidden", boot_id="unknown") as hidden:
                    async with board_at(two, "hidden", boot_id="known") as known:
                        await settled(lambda: two.parts.cluster.state().state == "ok")
                        network.mend()
                        with pytest.raises(ConnectionClosed) as closed:
                            await hidden.receive("nothing")
                        await works(known)

    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4409


async def leader_of(servers: list[NatsServer], stream: str) -> NatsServer:
    """Returns the server that leads a stream."""
    import nats

    client = await nats.connect([server.url for server in servers])
    try:
        answer = await client.request(f"$JS.API.STREAM.INFO.{stream}", timeout=10)
    finally:
        await client.close()
    name = json.loads(answer.data)["cluster"]["leader"]
    return next(server for server in servers if server.name == name)
