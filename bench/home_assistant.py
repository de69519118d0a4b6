"""What boards in Home Assistant cost: `python -m bench.home_assistant` measures round trips, memory and idle time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aioesphomeapi.client import APIClient
from websockets.asyncio.client import ClientConnection, connect

from darvaz.client import AsyncGateway
from darvaz.client.requests import ApiRequest
from darvaz.pytest_plugin.gateway_process import GatewayProcess

BOARDS = 200
ROUND_TRIPS = 1_000
IDLE_S = 20.0
_START_S = 60.0
_CLOCK_TICKS_PER_S = 100
_INTRODUCTION = {"type": "connect", "commands": {"led": {"on": {"type": "boolean"}}}, "telemetry": {"temperature": {}}}


@contextlib.asynccontextmanager
async def gateway(*, shows_boards: bool) -> AsyncIterator[GatewayProcess]:
    """Runs a gateway for the block."""
    with tempfile.TemporaryDirectory(prefix="darvaz-bench-") as folder:
        env = {"DARVAZ_HOST": "127.0.0.1", "DARVAZ_LINKS_PER_ADDRESS_MAX": str(BOARDS + 10)}
        if shows_boards:
            env |= {"DARVAZ_HOME_ASSISTANT": "true", "DARVAZ_HOME_ASSISTANT_PORT": "0"}
            env |= {"DARVAZ_HOME_ASSISTANT_ADDRESSES": "127.0.0.1"}
        process = GatewayProcess(Path(folder) / "data", Path(folder) / "log.txt", env=env)
        await asyncio.to_thread(process.start, _START_S)
        try:
            yield process
        finally:
            await asyncio.to_thread(process.close)


async def join(process: GatewayProcess, name: str) -> ClientConnection:
    """Connects a board, and returns its link."""
    link = await connect(f"{process.ws_url}/ws/pico", proxy=None)
    await link.send(json.dumps({**_INTRODUCTION, "device": name}))
    while json.loads(await link.recv())["type"] != "connection_ack":
        pass
    return link


async def obey(link: ClientConnection) -> None:
    """Carries out every command that comes."""
    async for text in link:
        message = json.loads(text)
        if message["type"] == "command":
            await link.send(json.dumps({"type": "ack", "id": message["id"], "status": "ok"}))


async def node_port(process: GatewayProcess, name: str) -> int:
    """Waits for the node of a board."""
    async with AsyncGateway(process.url) as client:
        while True:
            for node in (await client.ask(ApiRequest("GET", "/api/home-assistant")))["nodes"]:
                if node["device"] == name:
                    return int(node["port"])
            await asyncio.sleep(0.05)


async def round_trips(process: GatewayProcess) -> list[float]:
    """Returns how long a switch takes from Home Assistant's client to a board and back, in milliseconds."""
    link = await join(process, "switched")
    task = asyncio.create_task(obey(link))
    client = APIClient("127.0.0.1", await node_port(process, "switched"), None)
    await client.connect()
    entities, _ = await client.list_entities_services()
    key = next(entity.key for entity in entities if entity.object_id == "led")
    states: asyncio.Queue[bool] = asyncio.Queue()

    def note(state: Any) -> None:
        if state.key == key:
            states.put_nowait(state.state)

    client.subscribe_states(note)
    await states.get()
    took_ms = []
    for number in range(ROUND_TRIPS):
        started_s = time.perf_counter()
        client.switch_command(key, number % 2 == 0)
        while await states.get() != (number % 2 == 0):
            pass
        took_ms.append((time.perf_counter() - started_s) * 1000)
    await client.disconnect(force=True)
    task.cancel()
    await link.close()
    return took_ms


async def cost_of_boards(*, shows_boards: bool) -> tuple[float, float]:
    """Returns the memory of one board in kilobytes, and the share of a core that all take while nothing happens."""
    async with gateway(shows_boards=shows_boards) as process:
        links = [await join(process, "first")]
        await asyncio.sleep(5)
        before_kb = _memory_kb(process)
        links += [await join(process, f"board-{number}") for number in range(BOARDS)]
        # Each is announced three times.
        await asyncio.sleep(15)
        after_kb, started_s, started_cpu_s = _memory_kb(process), time.monotonic(), _cpu_s(process)
        await asyncio.sleep(IDLE_S)
        share = (_cpu_s(process) - started_cpu_s) / (time.monotonic() - started_s)
        for link in links:
            await link.close()
    return (after_kb - before_kb) / BOARDS, share


def _memory_kb(process: GatewayProcess) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def _cpu_s(process: GatewayProcess) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS_PER_S


async def main() -> None:
    """Prints the figures."""
    async with gateway(shows_boards=True) as process:
        took_ms = await round_trips(process)
    cuts = statistics.quantiles(took_ms, n=100)
    print(f"switch, client to board and back: p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms")
    (plain_kb, plain_share), (shown_kb, shown_share) = [
        await cost_of_boards(shows_boards=shows_boards) for shows_boards in (False, True)
    ]
    print(f"memory of a node: {shown_kb - plain_kb:.1f} KB (a board alone {plain_kb:.1f} KB)")
    print(f"{BOARDS} idle nodes: {shown_share * 100:.2f} % of a core (the boards alone {plain_share * 100:.2f} %)")


if __name__ == "__main__":
    asyncio.run(main())
