"""How long the boards of a gateway that was killed are away: `python -m bench.cluster_failover --links 1000`.

Two gateways of a cluster have half of the links each. One is killed; its boards connect to the other, after a wait that
they draw as the firmware does, and count as back once both the boards and the list of devices say so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bench.cluster import gateway, nats_server
from darvaz.client.local_token import LocalTokenAuth
from darvaz.pytest_plugin.gateway_process import GatewayProcess

# As the firmware waits: each time twice as long, and somewhere between half of that and all.
_WAIT_S, _WAIT_MAX_S = 1.0, 30.0
_LOOK_EVERY_S = 0.25
_DEADLINE_S = 240.0


class SimulatedBoards:
    """Links that come back by themselves, at the next gateway each time."""

    def __init__(self, ports: list[int], count: int) -> None:
        self._ports = ports
        self._here: set[int] = set()
        self._tasks = [asyncio.create_task(self._live(number)) for number in range(count)]

    @property
    def here(self) -> int:
        """How many are connected."""
        return len(self._here)

    async def close(self) -> None:
        """Ends all links."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _live(self, number: int) -> None:
        at, wait_s = number, _WAIT_S
        introduction = json.dumps({"type": "connect", "device": f"bench-{number}", "boot_id": str(number)})
        await asyncio.sleep(number / 1000)
        while True:
            url = f"ws://127.0.0.1:{self._ports[at % len(self._ports)]}/ws/pico"
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                async with connect(url, proxy=None, ping_interval=None, open_timeout=60) as link:
                    await link.send(introduction)
                    await link.recv()
                    self._here.add(number)
                    wait_s = _WAIT_S
                    async for _ in link:
                        pass
            self._here.discard(number)
            at += 1
            await asyncio.sleep(random.uniform(0.5, 1.0) * wait_s)
            wait_s = min(2 * wait_s, _WAIT_MAX_S)


async def online_at(at: GatewayProcess) -> int:
    """Returns how many devices are online, as a gateway says."""
    async with httpx.AsyncClient(auth=LocalTokenAuth(at.url, at.data), trust_env=False, timeout=60) as client:
        health: dict[str, Any] = (await client.get(f"{at.url}/api/health")).json()
    return int(health["devices_online"])


async def seconds_until_all(count: int, boards: SimulatedBoards, gateways: list[GatewayProcess]) -> float:
    """Returns how long it takes until all boards are connected, and all gateways say so."""
    began_s = time.monotonic()
    async with asyncio.timeout(_DEADLINE_S):
        while boards.here < count or any([await online_at(each) < count for each in gateways]):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY_S)
    return time.monotonic() - began_s


async def measure(folder: Path, count: int) -> None:
    """Prints the figures."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(nats_server(folder / "nats")).url
        options = ("--cluster", url, "--links-per-address-max", "1000000")
        gateways = [stack.enter_context(gateway(folder, name, *options)) for name in ("one", "two")]
        boards = SimulatedBoards([each.port for each in gateways], count)
        took_s = await seconds_until_all(count, boards, gateways)
        print(f"{count} boards are at two gateways, and known to both, after {took_s:.1f} s")
        gateways[0].end(signal.SIGKILL)
        # Until the loss is seen by their clients.
        while boards.here == count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        took_s = await seconds_until_all(count, boards, gateways[1:])
        print(f"one is killed: its {count // 2} boards are back at the other after {took_s:.1f} s")
        await boards.close()


def main() -> int:
    """Measures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="darvaz-bench-") as folder:
        asyncio.run(measure(Path(folder), options.links))
    return 0


if __name__ == "__main__":
    sys.exit(main())
