"""Virtual boards: the real firmware, each in a MicroPython process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from bench.case import Bench, Extent, Goal, Result
from bench.child import BenchError, Child
from bench.gateway import Gateway
from bench.machine import memory
from bench.tables import ResultTable

_DEADLINE_S = 90.0
_POLL_S = 0.25
_WATCH_S = 3.0
_VERB_DEADLINE_S = 30.0


class Virtual:
    """`darvaz simulate` beside a gateway: how long until all are online, and until all are back after a restart."""

    name = "virtual"
    title = "Virtual boards"

    def steps(self, extent: Extent) -> int:
        return 1

    def run(self, bench: Bench) -> Result:
        boards = bench.extent.virtual_boards
        bench.steps.begin(f"virtual boards: {boards} of them")
        result: Result = {"boards": boards, "figures": {}, "notes": []}
        if not _has_verb():
            result["notes"].append("skipped, this gateway has no `darvaz simulate`")
            return result
        with Gateway(bench.folder / "virtual", bench.cores.server, 0) as gateway:
            command = [sys.executable, "-m", "darvaz", "simulate", "--gateway", gateway.url]
            command += ["--pico", str(boards), "--esp32cam", "0"]
            with Child(command, core=bench.cores.load, log=bench.folder / "virtual.txt") as child:
                result["figures"] = _measure(gateway, child, boards)
        online = result["figures"]["online"]
        if online < boards:
            result["notes"].append(f"{online} of {boards} were online after {_DEADLINE_S:g} s: no more fit here")
        return result

    def tables(self, result: Result) -> list[ResultTable]:
        table = ResultTable(f"{result['boards']} virtual boards with the real firmware", ("figure", "one run"))
        table.notes += result["notes"]
        if result["figures"]:
            figures = result["figures"]
            table.rows += [
                ("online", f"{figures['online']}"),
                ("seconds until all were online", f"{figures['online_s']:.1f}"),
                ("gateway's CPU while they live", f"{figures['server_share']:.1%}"),
                ("gateway's resident MB", f"{figures['resident_mb']:.1f}"),
                ("seconds from the gateway's kill until all were back", f"{figures['back_s']:.1f}"),
            ]
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        return []


def _has_verb() -> bool:
    command = [sys.executable, "-m", "darvaz", "simulate", "--help"]
    return subprocess.run(command, capture_output=True, timeout=_VERB_DEADLINE_S).returncode == 0


def _measure(gateway: Gateway, boards: Child, wanted: int) -> dict[str, Any]:
    begin_s = time.monotonic()
    online, online_s = _wait_for(gateway, boards, wanted)
    begin_cpu_s, watch_s = gateway.cpu_s(), time.monotonic()
    time.sleep(_WATCH_S)
    share = (gateway.cpu_s() - begin_cpu_s) / (time.monotonic() - watch_s)
    weight = memory(gateway.pid)
    killed_s = time.monotonic()
    gateway.kill()
    gateway.start()
    _, back_s = _wait_for(gateway, boards, online)
    return {
        "online": online,
        "online_s": online_s - begin_s,
        "server_share": share,
        "resident_mb": weight.resident_bytes / 1e6 if weight else 0.0,
        "back_s": back_s - killed_s,
    }


def _wait_for(gateway: Gateway, boards: Child, wanted: int) -> tuple[int, float]:
    """Returns how many boards are online and when the last of them was; gives up at the deadline."""
    give_up_s = time.monotonic() + _DEADLINE_S
    online, since_s = 0, time.monotonic()
    while online < wanted and time.monotonic() < give_up_s:
        if boards.process.poll() is not None:
            raise BenchError(f"the virtual boards ended: {boards.log_end()}")
        time.sleep(_POLL_S)
        found = gateway.online()
        if found != online:
            online, since_s = found, time.monotonic()
    return online, since_s
