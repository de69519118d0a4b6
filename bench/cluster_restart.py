"""Three gateways that restart in turn while boards and people go on: `python -m bench.cluster_restart --lines 5000`.

Boards log numbered lines at a steady rate, and answer commands that are sent to any gateway that takes connections, one
after the other. Counted are answers to commands, and the lines that a gateway confirmed, at each gateway afterwards.
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
from collections import Counter
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.cluster import gateway, nats_server, wait_until_seen
from darvaz.client.local_token import LocalTokenAuth
from darvaz.pytest_plugin.gateway_process import GatewayProcess

SENDERS = 8
_DECLARED = {"led": {"on": {"type": "boolean"}}}
_BETWEEN_S, _DEADLINE_S = 5.0, 240.0


class Boards:
    """Boards that go to a gateway which takes them, with the lines that were not confirmed."""

    def __init__(self, gateways: list[GatewayProcess], count: int, lines_per_s: int) -> None:
        self.open = list(gateways)
        """Gateways to which a proxy would send."""
        self.confirmed = [0] * count
        """Of each board: lines before this number are on a disk, as a gateway said."""
        self.commands = 0
        """How many were carried out."""
        self.is_over = False
        self._together = max(1, lines_per_s // count)
        self._tasks = [asyncio.create_task(self._live(number)) for number in range(count)]

    async def end(self) -> None:
        """Has each board stop once what it has sent is confirmed."""
        self.is_over = True
        await asyncio.gather(*self._tasks)

    async def _live(self, number: int) -> None:
        while not self.is_over:
            at = random.choice(self.open)
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                url = f"ws://127.0.0.1:{at.port}/ws/pico"
                async with connect(url, proxy=None, ping_interval=None, open_timeout=20) as link:
                    await self._talk(link, number)
            await asyncio.sleep(random.uniform(0.0, 0.5))

    async def _talk(self, link: ClientConnection, number: int) -> None:
        hello = {"type": "connect", "device": f"bench-{number}", "boot_id": "only", "commands": _DECLARED}
        await link.send(json.dumps(hello))
        answering = asyncio.create_task(self._answer(link))
        try:
            while not self.is_over:
                began_s = time.monotonic()
                for line in range(self.confirmed[number], self.confirmed[number] + self._together):
                    report = {
                        "type": "log",
                        "level": "info",
                        "message": str(line),
                        "seq": line,
                        "uptime_ms": 1000 + line,
                    }
                    await link.send(json.dumps(report))
                # The pong comes once the lines are on a disk.
                async with asyncio.timeout(20):
                    await (await link.ping())
                self.confirmed[number] += self._together
                await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began_s)))
        finally:
            answering.cancel()

    async def _answer(self, link: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException):
            async for text in link:
                message = json.loads(text)
                if message["type"] == "command":
                    self.commands += 1
                    await link.send(json.dumps({"type": "ack", "id": message["id"], "command": "led", "status": "ok"}))


async def send_commands(boards: Boards, answers: Counter[str]) -> None:
    """Sends one command after the other until it is over; one that no gateway took is sent to another."""
    while not boards.is_over:
        at, device = random.choice(boards.open), f"bench-{random.randrange(len(boards.confirmed))}"
        with contextlib.suppress(httpx.ConnectError):
            auth = LocalTokenAuth(at.url, at.data)
            async with httpx.AsyncClient(auth=auth, trust_env=False, timeout=60, verify=False) as client:
                answer = await client.post(f"{at.url}/api/devices/{device}/commands/led", json={"on": True})
            answers["ok" if answer.status_code == 200 else answer.text] += 1
        await asyncio.sleep(0.05)


async def lines_at(at: GatewayProcess) -> Counter[tuple[str, int]]:
    """Returns how often a gateway has each line."""
    found: Counter[tuple[str, int]] = Counter()
    async with httpx.AsyncClient(auth=LocalTokenAuth(at.url, at.data), trust_env=False, timeout=120) as client:
        query = {"format": "jsonl", "type": "log"}
        async with client.stream("GET", f"{at.url}/api/journal/export", params=query) as answer:
            async for text in answer.aiter_lines():
                row = json.loads(text)
                found[row["device"], int(json.loads(row["payload"])["message"])] += 1
    return found


async def show_lines(at: GatewayProcess, boards: Boards) -> None:
    """Waits until a gateway has all lines that were confirmed, and prints how many it has, and how many twice."""
    end_s, wanted = time.monotonic() + _DEADLINE_S, sum(boards.confirmed)
    while True:
        found = await lines_at(at)
        known = sum(
            found[f"bench-{number}", line] > 0 for number, end in enumerate(boards.confirmed) for line in range(end)
        )
        if known == wanted or time.monotonic() > end_s:
            break
        await asyncio.sleep(1)
    twice = sum(count > 1 for count in found.values())
    print(f"{at.data.parent.name}: {known:,} of {wanted:,} confirmed lines, {twice:,} of them twice")


async def restart(at: GatewayProcess, boards: Boards) -> float:
    """Restarts a gateway, which a proxy knows at once; returns how long its end took."""
    boards.open.remove(at)
    began_s = time.monotonic()
    await asyncio.to_thread(at.end, signal.SIGTERM)
    took_s = time.monotonic() - began_s
    await asyncio.to_thread(at.start)
    await wait_until_seen(at, "bench-0")
    boards.open.append(at)
    return took_s


async def measure(folder: Path, count: int, lines_per_s: int) -> None:
    """Prints the figures."""
    with contextlib.ExitStack() as stack:
        options = ("--cluster", stack.enter_context(nats_server(folder / "nats")).url, "--messages-per-s-max", "100000")
        gateways = [stack.enter_context(gateway(folder, name, *options)) for name in ("one", "two", "three")]
        boards, answers = Boards(gateways, count, lines_per_s), Counter[str]()
        for each in gateways:
            await wait_until_seen(each, f"bench-{count - 1}")
        sending = [asyncio.create_task(send_commands(boards, answers)) for _ in range(SENDERS)]
        began_s, before = time.monotonic(), sum(boards.confirmed)
        await asyncio.sleep(_BETWEEN_S)
        for each in gateways:
            print(f"{each.data.parent.name} ended after {await restart(each, boards):.1f} s")
            await asyncio.sleep(_BETWEEN_S)
        rate = (sum(boards.confirmed) - before) / (time.monotonic() - began_s)
        await boards.end()
        await asyncio.gather(*sending)
        print(f"{rate:,.0f} lines were confirmed a second; {sum(answers.values()):,} commands: {dict(answers)}")
        for each in gateways:
            await show_lines(each, boards)


def main() -> int:
    """Measures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--lines", type=int, default=5000, help="lines of logs a second, of all boards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="darvaz-bench-") as folder:
        asyncio.run(measure(Path(folder), options.boards, options.lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
