"""`make cluster`: three NATS servers and three gateways behind a real proxy, of which any may be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.board import board_at
from tests.support.mosquitto import settled
from tests.support.needs import missing
from tests.support.verbs import darvaz

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

ROOT = Path(__file__).resolve().parents[2]
# Below the range that the system takes ports from; the tool uses the next thirty.
PORT = 23_700
_END_DEADLINE_S = 90.0


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """Runs the tool for the block, and gives the file with its output; Ctrl-C ends it in order."""
    output = folder / "output"
    command = [sys.executable, "-m", "tools.run_cluster", "--folder", str(folder / "all"), "--port", str(PORT)]
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT, env=own_env(folder))
    try:
        yield output
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(_END_DEADLINE_S)
    assert status == 0, output.read_text()


def url_of(node: int) -> str:
    """Returns the address of a gateway, or of the proxy (0)."""
    return f"http://127.0.0.1:{PORT + node}"


def own_env(folder: Path) -> dict[str, str]:
    """Returns an environment in which no gateway of others is noted."""
    return {**os.environ, "XDG_STATE_HOME": str(folder / "state")}


async def ask(path: str, node: int, headers: dict[str, str]) -> Any:
    """Returns the answer of a gateway, or of any through the proxy (0); None while nothing answers."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        with contextlib.suppress(httpx.TransportError, httpx.HTTPStatusError):
            answer = await client.get(f"{url_of(node)}{path}", headers=headers)
            return answer.raise_for_status().json()
    return None


@contextlib.asynccontextmanager
async def rover_behind_the_proxy(token: str) -> AsyncIterator[None]:
    """Connects the board for the block, again like a board until its gateway has heard of the token."""
    async with contextlib.AsyncExitStack() as opened:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(InvalidStatus):
                    await opened.enter_async_context(board_at(f"ws://127.0.0.1:{PORT}", "rover", token=token))
                    break
                await asyncio.sleep(0.1)
        yield


async def until_rover_is(online: bool, nodes: list[int], headers: dict[str, str]) -> None:
    """Waits until these gateways say so of the board."""
    async with asyncio.timeout(60):
        for node in nodes:
            while True:
                found = await ask("/api/devices", node, headers) or {}
                if [device["online"] for device in found.get("devices", ())] == [online]:
                    break
                await asyncio.sleep(0.1)


async def test_a_board_behind_the_proxy_is_at_each_gateway_and_comes_back_when_its_own_is_killed(
    tmp_path: Path,
) -> None:
    if shutil.which("haproxy") is None:
        missing("haproxy is not installed")
    with cluster(tmp_path) as output:
        await settled(lambda: "In another terminal" in output.read_text())
        pids = {name: int(pid) for pid, name in re.findall(r"(\d+)  (\S+) +127", output.read_text())}
        issued = await darvaz("token", "issue", "operator", "--gateway", url_of(0), env=own_env(tmp_path))
        headers = {"Authorization": f"Bearer {issued.out.strip()}"}
        token = (await ask("/public/tokens", 0, {}))["pico_tokens"][0]
        async with rover_behind_the_proxy(token):
            await until_rover_is(True, [1, 2, 3], headers)
            owner = {"DARVAZ_TOKEN": (tmp_path / "all/owner-token").read_text().strip()}
            for node in range(4):
                env = {**own_env(tmp_path), **(owner if node else {})}
                listed = await darvaz("devices", "--gateway", url_of(node), env=env)
                assert "rover\tpico\tonline" in listed.out, (node, listed)
            holder = await holder_of(headers)
            os.kill(pids[f"gateway-{holder}"], signal.SIGKILL)
        left = [node for node in (1, 2, 3) if node != holder]
        await until_rover_is(False, left, headers)
        async with rover_behind_the_proxy(token):
            await until_rover_is(True, left, headers)

    assert f"gateway-{holder} has ended" in output.read_text()
    assert [name for name, pid in pids.items() if name != f"gateway-{holder}" and is_running(pid)] == []
    # The note of the gateway that was killed stays, as that of any.
    assert [path.stem for path in (tmp_path / "state/darvaz").iterdir()] == [f"gateway-{PORT + holder}"]


async def holder_of(headers: dict[str, str]) -> int:
    """Returns the number of the gateway that has the board, once its heartbeat says so."""
    async with asyncio.timeout(60):
        while True:
            nodes = (await ask("/api/cluster", 1, headers) or {"nodes": []})["nodes"]
            found = [node["name"] for node in nodes if node["devices_online"]]
            if found:
                return int(found[0].removeprefix("gateway-"))
            await asyncio.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
