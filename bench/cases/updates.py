"""A release for all virtual boards at once: how long until all run it, and how fast the gateway answers meanwhile."""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from typing import Any

import httpx

from bench.case import Bench, Extent, Goal, Result, at_most
from bench.child import BenchError, Child
from bench.gateway import Gateway
from bench.machine import group_cpu_s, on_core
from bench.pings import BOARDS, p99, ping_while
from bench.tables import ResultTable

_PROGRAM = b"import board\nfrom darvaz import Device\n\nDevice(board).run()\n"
_MODULE = b"# A line of a module.\n" * 190
# What the bench needs, and the goal is for: the time that it takes where nothing else runs.
CORES = 2
_DEADLINE_S = 400.0
_POLL_S = 0.25
# Before, long enough that one ping in a hundred is a number of them.
_WINDOWS = 10


class Updates:
    """`darvaz simulate` beside a gateway that gives all of its boards a release of two files."""

    name = "updates"
    title = "Updates over the air"

    def steps(self, extent: Extent) -> int:
        return 1

    def run(self, bench: Bench) -> Result:
        boards = bench.extent.virtual_boards
        bench.steps.begin(f"updates: {boards} virtual boards")
        with Gateway(bench.folder / "updates", bench.cores.server, BOARDS) as gateway:
            command = [sys.executable, "-m", "darvaz", "simulate", "--gateway", gateway.url]
            command += ["--pico", str(boards), "--esp32cam", "0"]
            with Child(command, core=bench.cores.load, log=bench.folder / "updates.txt") as child:
                _wait_online(gateway, child, boards)
                idle_s = _WINDOWS * bench.extent.window_ms / 1000
                rollout = _Rollout(gateway, child)
                # The boards fill the other core: what pings there measures how long it waits for its own turn.
                with on_core(bench.cores.server):
                    figures = asyncio.run(_measure(rollout, idle_s, waits=not bench.extent.is_quick))
        return {"boards": boards, "figures": figures}

    def tables(self, result: Result) -> list[ResultTable]:
        table = ResultTable(f"A release for {result['boards']} virtual boards", ("figure", "one run"))
        titles = {
            "trial_s": "seconds until all have started it",
            "good_s": "seconds until it is good on all, with the minute that each holds its link",
            "cpu_s": "gateway's CPU seconds until all have started it, pings included",
            "boards_cpu_s": "CPU seconds of all the boards meanwhile",
            "all_cpu_s": "CPU seconds of gateway and boards until it is good on all",
            "idle_p99_us": "ping p99 µs before",
            "p99_us": "ping p99 µs meanwhile",
        }
        for name, title in titles.items():
            if name in result["figures"]:
                table.rows.append((title, f"{result['figures'][name]:,.1f}"))
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        figures = result["figures"]
        all_cpu_s = figures.get("all_cpu_s")
        return [
            at_most("ping p99 during a rollout by that before", 3, "×", figures["p99_us"] / figures["idle_p99_us"]),
            at_most(
                f"a release good on {result['boards']} virtual boards, CPU seconds of all by two cores",
                60,
                "s",
                None if all_cpu_s is None else all_cpu_s / CORES,
            ),
        ]


class _Rollout:
    """One rollout to all virtual boards of a gateway."""

    def __init__(self, gateway: Gateway, boards: Child) -> None:
        self.gateway = gateway
        self._boards = boards
        self._number = 0
        self._client = httpx.Client(
            base_url=gateway.url, headers={"Authorization": f"Bearer {gateway.operator}"}, trust_env=False, timeout=60
        )

    def boards_cpu_s(self) -> float:
        """Returns the processor time of all boards, also of those that have restarted."""
        return group_cpu_s(self._boards.pid)

    def begin(self) -> None:
        files = {"main.py": _PROGRAM, "module.py": _MODULE}
        encoded = {path: base64.b64encode(data).decode() for path, data in files.items()}
        release = self._ask("POST", "/api/releases", {"name": "bench", "files": encoded})["number"]
        devices = [each["id"] for each in self._ask("GET", "/api/devices?limit=1000")["devices"]]
        plan = {"release": release, "to": [device for device in devices if device.startswith("virtual-")]}
        self._number = self._ask("POST", "/api/rollouts", plan)["number"]

    def wait(self, *states: str) -> None:
        """Waits until all boards are in one of these states."""
        give_up_s = time.monotonic() + _DEADLINE_S
        while True:
            found = self._ask("GET", f"/api/rollouts/{self._number}")
            if set(found["counts"]) <= set(states):
                return
            if found["state"] == "stopped" or time.monotonic() > give_up_s or self._boards.process.poll() is not None:
                raise BenchError(f"the rollout did not end: {found['counts']} {found['reason']}")
            time.sleep(_POLL_S)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.request(method, path, json=body)
        if not answer.is_success:
            raise BenchError(f"{path} was answered with {answer.status_code}: {answer.text}")
        return answer.json()


async def _measure(rollout: _Rollout, idle_s: float, *, waits: bool) -> dict[str, float]:
    gateway = rollout.gateway
    idle_us = await ping_while(gateway, lambda: time.sleep(idle_s))
    begin_s, begin_cpu_s, begin_boards_s = time.monotonic(), gateway.cpu_s(), rollout.boards_cpu_s()

    def work() -> None:
        rollout.begin()
        rollout.wait("trial", "good")

    busy_us = await ping_while(gateway, work)
    figures = {"trial_s": time.monotonic() - begin_s, "cpu_s": gateway.cpu_s() - begin_cpu_s}
    figures["boards_cpu_s"] = rollout.boards_cpu_s() - begin_boards_s
    if waits:
        await asyncio.to_thread(rollout.wait, "good")
        figures["good_s"] = time.monotonic() - begin_s
        figures["all_cpu_s"] = gateway.cpu_s() - begin_cpu_s + rollout.boards_cpu_s() - begin_boards_s
    return figures | {"idle_p99_us": p99(idle_us), "p99_us": p99(busy_us)}


def _wait_online(gateway: Gateway, boards: Child, wanted: int) -> None:
    give_up_s = time.monotonic() + _DEADLINE_S
    while gateway.online() < wanted:
        if time.monotonic() > give_up_s or boards.process.poll() is not None:
            raise BenchError(f"the virtual boards do not come online: {boards.log_end()}")
        time.sleep(_POLL_S)
