"""A board whose configuration names `darvaz.local`: it finds the gateway in its network, and goes on without mDNS."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.board_process import BoardProcess
from tests.support.gateway import GatewayProcess
from tests.support.mdns import alone_in_mdns, announced
from tests.support.netns import Outside, outside


@pytest.fixture
def network() -> Iterator[Outside]:
    """Another machine's network, from which multicast goes out."""
    with alone_in_mdns(), outside() as found:
        # Without a route, nothing can be sent to the addresses of multicast.
        subprocess.run(["ip", "-n", found.name, "route", "add", "default", "via", found.inside], check=True, timeout=20)
        yield found


async def read(path: Path) -> str:
    """Waits until there is a file, and returns what is in it."""
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(path.exists):  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.02)
    return await asyncio.to_thread(path.read_text)


async def test_a_board_finds_the_gateway_by_its_name_and_later_where_it_was(
    network: Outside, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = tmp_path / "gateway_address"
    with GatewayProcess() as gateway:
        async with announced(network.inside, gateway.port, caplog):
            board = BoardProcess(
                tmp_path,
                f"ws://darvaz.local:{gateway.port}",
                config={"token": gateway.token()},
                patch={"local_name": {"PATH": str(kept), "ASKS": 2}},
                prefix=network.prefix,
            )
            with board:
                await asyncio.to_thread(board.expect, "CONNECTED 1 ", 60)
                found = await read(kept)
        with board:
            await asyncio.to_thread(board.expect, "CONNECTED 1 ", 60, 2)

    assert found == f"darvaz.local {network.inside}"
