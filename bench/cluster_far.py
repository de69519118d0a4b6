"""What the boards of one gateway of a cluster cost the others and NATS: `python -m bench.cluster_far --boards 1000`.

The figures are those that `bench.cluster_model` computes with. Processor time is counted until the other gateway has
everything, without what a quiet second costs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.cluster import boards, cost_us, gateway, nats_server, wait_until_seen
from bench.cluster_failover import SimulatedBoards, online_at
from bench.machine import cpu_s, memory
from darvaz.client.local_token import LocalTokenAuth
from darvaz.pytest_plugin.gateway_process import GatewayProcess

_QUIET_S = 5.0
_DEADLINE_S = 240.0
_LOOK_EVERY_S = 0.25
_TEXT = json.dumps({"type": "telemetry", "values": {"temperature": 21.5, "humidity": 40}})
_LAST = json.dumps({"type": "log", "message": "the last one", "level": "info"})


@dataclass(frozen=True)
class Used:
    """Processor time and memory of the gateway that has the boards, of the other one, and of NATS."""

    cpu_s: tuple[float, ...]
    bytes: tuple[int, ...]
    at_s: float

    @classmethod
    def by(cls, pids: list[int]) -> Used:
        """Returns what these processes have used so far."""
        return cls(tuple(map(cpu_s, pids)), tuple(map(_bytes_of, pids)), time.monotonic())

    def cost_us(self, before: Used, quiet: tuple[float, ...], count: int) -> list[float]:
        """Returns the microseconds of each process for one of a number of things, without those of quiet seconds."""
        took_s = self.at_s - before.at_s
        spent = zip(self.cpu_s, before.cpu_s, quiet, strict=True)
        return [(after - start - took_s * each) * 1e6 / count for after, start, each in spent]


def _bytes_of(pid: int) -> int:
    found = memory(pid)
    return 0 if found is None else found.resident_bytes


async def quiet_of(pids: list[int]) -> tuple[float, ...]:
    """Returns the processor time of each process in a second in which nothing happens."""
    before = Used.by(pids)
    await asyncio.sleep(_QUIET_S)
    after = Used.by(pids)
    return tuple((b - a) / _QUIET_S for a, b in zip(before.cpu_s, after.cpu_s, strict=True))


async def until_last_is_there(at: GatewayProcess) -> None:
    """Waits until a gateway has the last line of the boards in its journal."""
    async with asyncio.timeout(_DEADLINE_S):
        async with httpx.AsyncClient(auth=LocalTokenAuth(at.url, at.data), trust_env=False, timeout=60) as client:
            query = {"type": "log", "limit": "1"}
            # Nobody tells.
            while not (await client.get(f"{at.url}/api/journal", params=query)).json()["rows"]:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)


async def measure(folder: Path, count: int, reports: int) -> None:
    """Prints the figures."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(nats_server(folder / "nats"))
        options = ("--cluster", server.url, "--links-per-address-max", "1000000")
        owner, other = [stack.enter_context(gateway(folder, name, *options)) for name in ("owner", "other")]
        pids = [owner.pid, other.pid, server.pid]
        async with boards(owner, 20) as links:
            await wait_until_seen(other, "bench-19")
            quiet = await quiet_of(pids)
            before = Used.by(pids)
            await cost_us(owner, links, _TEXT, reports)
            await links[0].send(_LAST)
            await until_last_is_there(other)
            reported = Used.by(pids).cost_us(before, quiet, reports * len(links))
        before = Used.by(pids)
        made = SimulatedBoards([owner.port], count)
        async with asyncio.timeout(_DEADLINE_S):
            while made.here < count or await online_at(other) < count:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)
        after = Used.by(pids)
        await made.close()
    connected = after.cost_us(before, quiet, count)
    sizes = [(b - a) / count / 1024 for a, b in zip(before.bytes, after.bytes, strict=True)]
    print("                        owner    other     NATS")
    print("a quiet second, ms  ", *(f"{each * 1000:8.1f}" for each in quiet))
    print("a report, µs        ", *(f"{each:8.1f}" for each in reported))
    print("a board connects, µs", *(f"{each:8.0f}" for each in connected))
    print("a board, KiB        ", *(f"{each:8.1f}" for each in sizes))


def main() -> int:
    """Measures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=1000)
    parser.add_argument("--reports", type=int, default=2000, help="of each of 20 boards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="darvaz-bench-") as folder:
        asyncio.run(measure(Path(folder), options.boards, options.reports))
    return 0


if __name__ == "__main__":
    sys.exit(main())
