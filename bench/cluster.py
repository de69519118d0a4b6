"""What a cluster costs beside one gateway, in one run: `python -m bench.cluster`; docs/cluster.md has the figures.

Two gateways and a NATS server against a gateway by itself. The processor time is that of the gateway that has the
boards, without the one of NATS; rounds of both take turns, and the median is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.gateway import SETTINGS
from bench.machine import cpu_s
from darvaz.client.local_token import LocalTokenAuth, find_local_token
from darvaz.pytest_plugin.gateway_process import GatewayProcess, port_of, reserve_port

BOARDS = 20
_PING = json.dumps({"type": "ping"})
_DECLARED = {"led": {"on": {"type": "boolean"}}}
_DEADLINE_S = 60.0
_IDLE_S = 5.0
# In which what was received goes to the disk and to other gateways.
_AFTER_S = 0.7
_SETTLE_S = 6.0


class Nats(NamedTuple):
    """A server that runs."""

    url: str
    pid: int


@contextlib.contextmanager
def nats_server(folder: Path) -> Iterator[Nats]:
    """Runs a server with JetStream."""
    beside = Path(sys.executable).with_name("nats-server")
    with reserve_port() as reserved:
        port = port_of(reserved)
        command = [str(beside), "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Nats(f"nats://127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def gateway(folder: Path, name: str, *options: str) -> Iterator[GatewayProcess]:
    """Runs a gateway."""
    made = GatewayProcess(folder / name / "data", folder / f"{name}.log", *options, env=SETTINGS)
    (folder / name).mkdir()
    made.start()
    try:
        yield made
    finally:
        made.close()


@contextlib.asynccontextmanager
async def boards(at: GatewayProcess, count: int) -> AsyncIterator[list[ClientConnection]]:
    """Connects boards for the block."""
    async with contextlib.AsyncExitStack() as stack:
        links = []
        for number in range(count):
            link = await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{at.port}/ws/pico", proxy=None, ping_interval=None)
            )
            board = {"type": "connect", "device": f"bench-{number}", "commands": _DECLARED}
            await link.send(json.dumps(board))
            await link.recv()
            links.append(link)
        yield links


async def cost_us(
    at: GatewayProcess, links: list[ClientConnection], text: str, count: int, quiet_ms: float = 0.0
) -> float:
    """Returns the processor time of a gateway for one message, in microseconds; each board sends `count`.

    With that of what is written and sent of them behind their answers, and without that of as long a quiet time, of
    which a second takes `quiet_ms`.
    """
    began_s, before_s = time.monotonic(), cpu_s(at.pid)

    async def send(link: ClientConnection) -> None:
        for _ in range(count):
            await link.send(text)
        await link.send(_PING)

    async def receive(link: ClientConnection) -> None:
        left = count + 1 if text == _PING else 1
        while left:
            left -= json.loads(await link.recv())["type"] == "pong"

    async with asyncio.timeout(_DEADLINE_S):
        await asyncio.gather(*(send(link) for link in links), *(receive(link) for link in links))
    await asyncio.sleep(_AFTER_S)
    quiet_s = quiet_ms / 1000 * (time.monotonic() - began_s)
    return (cpu_s(at.pid) - before_s - quiet_s) * 1e6 / (count * len(links))


async def idle_ms(at: GatewayProcess) -> float:
    """Returns the processor time of a gateway for a second in which boards send nothing, in milliseconds."""
    before_s = cpu_s(at.pid)
    await asyncio.sleep(_IDLE_S)
    return (cpu_s(at.pid) - before_s) * 1000 / _IDLE_S


async def round_trips_ms(at: GatewayProcess, link: ClientConnection, count: int) -> list[float]:
    """Returns how long commands take that are sent to one gateway, for the board of a link, one after the other."""

    async def answer() -> None:
        async for text in link:
            message = json.loads(text)
            if message["type"] == "command":
                await link.send(json.dumps({"type": "ack", "id": message["id"], "command": "led", "status": "ok"}))

    answering, found = asyncio.create_task(answer()), []
    # One write for each request: two, of head and body, would wait for the system's delayed acknowledgements.
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    body = b'{"on": true}'
    head = "POST /api/devices/bench-0/commands/led HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {find_local_token(at.url, at.data)}\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(count):
        began_s = time.perf_counter()
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(line for line in lines if line.startswith("content-length:"))
        await reader.readexactly(int(length.partition(":")[2]))
        found.append((time.perf_counter() - began_s) * 1000)
        assert " 200 " in lines[0], lines[0]
    writer.close()
    answering.cancel()
    await asyncio.wait([answering])
    return found


async def wait_until_seen(at: GatewayProcess, device: str) -> None:
    """Waits until a gateway knows that a board is here."""
    async with asyncio.timeout(_DEADLINE_S):
        async with httpx.AsyncClient(auth=LocalTokenAuth(at.url, at.data), trust_env=False) as client:
            while True:
                answer = await client.get(f"{at.url}/api/devices/{device}")
                if answer.status_code == 200 and answer.json()["online"]:
                    return
                await asyncio.sleep(0.05)


async def measure(folder: Path, rounds: int, count: int, commands: int) -> dict[str, Any]:
    """Returns the figures of all rounds."""
    telemetry = json.dumps({"type": "telemetry", "values": {"temperature": 21.5, "humidity": 40}})
    logged = json.dumps({"type": "log", "message": "Device status update", "level": "info"})
    texts = {"ping": _PING, "telemetry": telemetry, "log": logged}
    costs: dict[str, dict[str, list[float]]] = {name: {"single": [], "cluster": []} for name in texts}
    idle: dict[str, float] = {}
    trips: dict[str, list[float]] = {"single": [], "owner": [], "other": []}
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(nats_server(folder / "nats")).url
        single = stack.enter_context(gateway(folder, "single"))
        owner = stack.enter_context(gateway(folder, "owner", "--cluster", url, "--cluster-node", "owner"))
        other = stack.enter_context(gateway(folder, "other", "--cluster", url, "--cluster-node", "other"))
        async with boards(single, BOARDS) as alone, boards(owner, BOARDS) as together:
            await wait_until_seen(other, f"bench-{BOARDS - 1}")
            for name, at in (("single", single), ("cluster", owner)):
                idle[name] = await idle_ms(at)
            for _ in range(rounds):
                for name, text in texts.items():
                    costs[name]["single"].append(await cost_us(single, alone, text, count, idle["single"]))
                    costs[name]["cluster"].append(await cost_us(owner, together, text, count, idle["cluster"]))
                # The other gateway takes over what was sent, and a command would wait for that.
                await asyncio.sleep(_SETTLE_S)
                trips["single"] += await round_trips_ms(single, alone[0], commands)
                trips["owner"] += await round_trips_ms(owner, together[0], commands)
                trips["other"] += await round_trips_ms(other, together[0], commands)
    return {"costs": costs, "trips": trips, "idle": idle}


def show(found: dict[str, Any]) -> None:
    """Prints the figures."""
    print(f"a quiet second: {found['idle']['single']:.1f} ms alone, {found['idle']['cluster']:.1f} ms in a cluster")
    for name, each in found["costs"].items():
        single, cluster = statistics.median(each["single"]), statistics.median(each["cluster"])
        print(f"{name:<10} {single:7.1f} µs alone, {cluster:7.1f} µs in a cluster, ×{cluster / single:.2f}")
    for name, each in found["trips"].items():
        hundredths = statistics.quantiles(each, n=100)
        print(f"command at {name:<7} p50 {hundredths[49]:6.2f} ms, p99 {hundredths[98]:6.2f} ms")


def main() -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=1000, help="messages of each board in a round")
    parser.add_argument("--commands", type=int, default=200, help="in a round")
    parser.add_argument("--folder", help="of the data: an answered command waits for its disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="darvaz-bench-", dir=options.folder) as folder:
        show(asyncio.run(measure(Path(folder), options.rounds, options.count, options.commands)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
