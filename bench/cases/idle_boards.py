"""Ten thousand idle boards: memory for each, time until all are connected, time until all are back after a restart."""

from __future__ import annotations

import time
from typing import Any

from bench.case import Bench, Extent, Goal, Result, at_most
from bench.child import BenchError
from bench.gateway import DEVICE, Gateway
from bench.generator import Options
from bench.launch import raise_file_limit
from bench.machine import memory
from bench.samples import summarise
from bench.tables import ResultTable

# The program has open files besides the links.
_OTHER_FILES_MAX = 200
_FULL_DEADLINE_S = 120.0
_SETTLE_S = 1.0
_FIGURES = {
    "accept_s": "seconds until all were connected",
    "accept_cpu_us": "CPU µs to connect one",
    "resident_kb": "KB resident for each",
    "share_kb": "KB of PSS for each",
    "ready_s": "seconds until the gateway listened again",
    "back_s": "seconds from the kill until all were back",
}


class IdleBoards:
    """Boards with tokens that connect, introduce themselves and then send nothing."""

    name = "boards"
    title = "Idle boards"

    def steps(self, extent: Extent) -> int:
        return extent.idle_rounds

    def run(self, bench: Bench) -> Result:
        wanted = bench.extent.idle_boards
        boards = min(wanted, raise_file_limit() - _OTHER_FILES_MAX)
        result: Result = {"boards": boards, "figures": {}, "notes": []}
        if not bench.generator.is_fast:
            result["notes"].append("skipped, " + bench.generator.note.split(";")[0])
            return result
        if boards < wanted:
            result["notes"].append(f"{boards} boards instead of {wanted}: no more open files allowed (ulimit -n)")
        runs = []
        for number in range(bench.extent.idle_rounds):
            bench.steps.begin(f"{boards} idle boards, round {number + 1} of {bench.extent.idle_rounds}")
            try:
                runs.append(_measure(bench, boards))
            except BenchError as error:
                result["notes"].append(f"round {number + 1}: {error}")
        if runs:
            result["figures"] = {name: summarise(run[name] for run in runs) for name in _FIGURES}
        return result

    def tables(self, result: Result) -> list[ResultTable]:
        table = ResultTable(f"{result['boards']:,} idle boards", ("figure", "median", "least", "most"))
        table.notes += result["notes"]
        for name, title in _FIGURES.items():
            if name in result["figures"]:
                figure = result["figures"][name]
                table.rows.append((title, *(f"{figure[which]:,.2f}" for which in ("median", "min", "max"))))
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        at = f"{result['boards']:,} idle boards: "
        medians = {name: figure["median"] for name, figure in result["figures"].items()}
        return [
            at_most(at + "resident memory for each", 12, "KB", medians.get("resident_kb")),
            at_most(at + "all accepted", 3, "s", medians.get("accept_s")),
            at_most(at + "all back after a restart", 15, "s", medians.get("back_s")),
        ]


def _measure(bench: Bench, boards: int) -> dict[str, Any]:
    """Connects all boards to one gateway, measures its memory, kills it, and waits until all are back."""
    with Gateway(bench.folder / "idle", bench.cores.server, boards) as gateway:
        time.sleep(_SETTLE_S)
        empty = memory(gateway.pid)
        options: Options = {
            "port": gateway.port,
            "links": boards,
            "path": "/ws/pico",
            "device": DEVICE,
            "tokens": str(gateway.tokens),
            "awake": bench.cores.load is not None,
        }
        begin_cpu_s = gateway.cpu_s()
        with bench.generator.idle_boards(options, bench.folder / "idle.txt") as idle:
            begun = idle.wait_for("begun", _FULL_DEADLINE_S)
            full = idle.wait_for("full", _FULL_DEADLINE_S)
            accept_cpu_s = gateway.cpu_s() - begin_cpu_s
            time.sleep(_SETTLE_S)
            filled = memory(gateway.pid)
            killed_s = time.monotonic()
            gateway.kill()
            gateway.start()
            ready_s = time.monotonic()
            back = idle.wait_for("full", _FULL_DEADLINE_S)
    assert empty is not None
    assert filled is not None
    return {
        "accept_s": full["at_s"] - begun["at_s"],
        "accept_cpu_us": accept_cpu_s / boards * 1e6,
        "resident_kb": (filled.resident_bytes - empty.resident_bytes) / boards / 1024,
        "share_kb": (filled.share_bytes - empty.share_bytes) / boards / 1024,
        "ready_s": ready_s - killed_s,
        "back_s": back["at_s"] - killed_s,
    }
