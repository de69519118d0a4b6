"""The process that runs automations: `python -m darvaz.automations FOLDER URL`, started by the gateway.

It writes a line of JSON to its standard output for what the gateway is to know: that it lives, what it has loaded, and
what failed. What the automations print themselves goes to standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tzlocal import get_localzone

from darvaz.automations.boards import gw
from darvaz.automations.engine import Automations, Due
from darvaz.automations.loading import load
from darvaz.client import requests
from darvaz.client.asynchronous import AsyncGateway
from darvaz.client.errors import GatewayError

BEAT_S = 1.0
LIST_EVERY_S = 30.0
# Of this process, and of each that it starts.
MEMORY_BYTES_MAX = 512 * 1024 * 1024
RUNNING_MAX = 100
_RETRY_S = 2.0


class Runner:
    """Runs the automations of a folder with a gateway."""

    def __init__(self, folder: Path, client: AsyncGateway, last_unix_s: float | None, output: Any) -> None:
        self._client = client
        self._output = output
        automations, problems = load(folder)
        self._engine = Automations(automations, get_localzone(), time.monotonic(), time.time(), last_unix_s)
        self._running: set[asyncio.Task[None]] = set()
        gw.send = lambda device, name, args: client.ask(requests.command(device, name, args))
        gw.read = lambda device: client.ask(requests.latest(device))
        self.tell("loaded", automations=[each.name for each in automations], problems=problems)

    def tell(self, type_: str, **fields: Any) -> None:
        """Tells the gateway something."""
        self._output.write(json.dumps({"type": type_, **fields}) + "\n")
        self._output.flush()

    async def run(self) -> None:
        """Runs until it is ended."""
        await asyncio.gather(self._beat(), self._listen(), self._list_again())

    async def _beat(self) -> None:
        told_s = 0.0
        while True:
            if time.monotonic() - told_s >= BEAT_S / 2:
                told_s = time.monotonic()
                self.tell("alive", unix_s=time.time())
            self._look()
            await asyncio.sleep(min(BEAT_S, max(0.02, self._engine.wait_s(time.monotonic(), time.time()))))

    async def _listen(self) -> None:
        while True:
            try:
                events = self._client.events("presence", "telemetry")
                await self._list()
                async for event in events:
                    if event.type == "presence":
                        self._put(event.data)
                    elif event.type == "telemetry" and event.device is not None:
                        self._engine.receive(event.device, event.data["values"], time.monotonic())
                    self._look()
            except GatewayError as error:
                self.tell("waits", reason=str(error))
            await asyncio.sleep(_RETRY_S)

    async def _list_again(self) -> None:
        """Lists the boards now and then: one may have come between the list and the stream of events."""
        while True:
            await asyncio.sleep(LIST_EVERY_S)
            with contextlib.suppress(GatewayError):
                await self._list()

    async def _list(self) -> None:
        for about in await self._client.ask(requests.devices()):
            self._put(about)

    def _put(self, about: Any) -> None:
        self._engine.put_device(about["id"], about.get("groups", ()), about["online"], time.monotonic())

    def _look(self) -> None:
        self._engine.tick(time.monotonic(), time.time())
        for due in self._engine.take_due():
            if due.is_missed:
                self.tell("missed", automation=due.automation.name, due=due.missed_s, runs=due.automation.runs_missed)
            if not due.is_missed or due.automation.runs_missed:
                self._start(due)

    def _start(self, due: Due) -> None:
        if len(self._running) >= RUNNING_MAX:
            self.tell("failed", automation=due.automation.name, reason=f"{RUNNING_MAX} automations run already")
            return
        task = asyncio.ensure_future(self._call(due))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _call(self, due: Due) -> None:
        self.tell("runs", automation=due.automation.name, device=due.device)
        try:
            result = due.automation.function()
            if asyncio.iscoroutine(result):
                await result
        except Exception as error:  # noqa: BLE001 (somebody else's program may raise anything)
            reason = f"{type(error).__name__}: {error}"[:500]
            self.tell("failed", automation=due.automation.name, reason=reason)


def limit_process() -> None:
    """Bounds the memory of this process and its children, and their number."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def _main(folder: Path, url: str, last_unix_s: float | None, output: Any) -> None:
    async with AsyncGateway(url) as client:
        await Runner(folder, client, last_unix_s, output).run()


def main() -> None:
    """Runs the automations of the folder, with the gateway at the address, since the last time that is given."""
    limit_process()
    folder, url, *rest = sys.argv[1:]
    # What automations print must not be taken for a line of this process.
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(Path(folder), url, float(rest[0]) if rest else None, output))


if __name__ == "__main__":
    main()
