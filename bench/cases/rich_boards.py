"""Boards that declare twenty commands and twenty names: what letting one in takes, and its memory."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from bench.case import Bench, Extent, Goal, Result, at_most
from bench.gateway import DEVICE, Gateway
from bench.generator import Options
from bench.launch import raise_file_limit
from bench.machine import Memory, loop_cpu_s, memory
from bench.samples import summarise
from bench.tables import ResultTable

DECLARED = 20
_OTHER_FILES_MAX = 200
_FULL_DEADLINE_S = 120.0
_SETTLE_S = 1.0
# Whether each board declares its own, and how the table says so.
_VARIANTS = ((False, "the same program on all"), (True, "a program of its own on each"))
_FIGURES = {"cpu_us": "CPU µs to let one in", "loop_us": "of it, event loop", "resident_kb": "KB resident for each"}


class RichBoards:
    """Boards that tell what they can as real programs do, and then send nothing; their names and addresses differ."""

    name = "rich"
    title = "Rich boards"

    def steps(self, extent: Extent) -> int:
        return extent.idle_rounds * len(_VARIANTS)

    def run(self, bench: Bench) -> Result:
        boards = min(bench.extent.idle_boards, raise_file_limit() - _OTHER_FILES_MAX)
        if not bench.generator.is_fast:
            return {"boards": boards, "rows": [], "notes": ["skipped, " + bench.generator.note.split(";")[0]]}
        runs: dict[str, list[dict[str, float]]] = {title: [] for _, title in _VARIANTS}
        for number in range(bench.extent.idle_rounds):
            for are_own, title in _VARIANTS:
                bench.steps.begin(f"{boards} rich boards, {title}, round {number + 1} of {bench.extent.idle_rounds}")
                runs[title].append(_measure(bench, boards, are_own))
        rows = [
            {"title": title} | {name: summarise(run[name] for run in those) for name in _FIGURES}
            for title, those in runs.items()
        ]
        return {"boards": boards, "rows": rows, "notes": []}

    def tables(self, result: Result) -> list[ResultTable]:
        title = f"{result['boards']:,} boards with {DECLARED} commands and {DECLARED} names"
        table = ResultTable(title, ("declare", *_FIGURES.values()))
        table.notes += result["notes"]
        for row in result["rows"]:
            table.rows.append((row["title"], *(f"{row[name]['median']:,.1f}" for name in _FIGURES)))
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        same: dict[str, Any] = result["rows"][0] if result["rows"] else {}
        at = f"a board with {DECLARED} commands and {DECLARED} names: "
        return [
            at_most(at + "letting in", 300, "µs", same["cpu_us"]["median"] if same else None),
            at_most(at + "memory", 8, "KB", same["resident_kb"]["median"] if same else None),
        ]


def introduction(number: int, *, is_own: bool) -> str:
    """Returns what a board sends first, 3.5 KB; with the words of its program, which are its own or those of all."""
    program = f"{number}_" if is_own else ""
    args = {
        "on": {"type": "boolean"},
        "level": {"type": "number", "minimum": 0, "maximum": 100},
        "mode": {"type": "string", "choices": ["a", "b", "c"]},
    }
    return json.dumps(
        {
            "type": "connect",
            "device": f"{DEVICE}-{number}",
            "version": "1.0.0",
            "board": "Raspberry Pi Pico W with RP2040",
            "ip": f"10.0.{number >> 8}.{number & 255}",
            "mac": f"28cdc1{number:06x}",
            "reset_cause": "power_on",
            "boot_id": f"{number:08x}",
            "uptime_ms": 1234 + number,
            "commands": {f"command_{program}{index}": args for index in range(DECLARED)},
            "telemetry": {f"value_{program}{index}": {"unit": "°C"} for index in range(DECLARED)},
        },
        ensure_ascii=False,
    )


def _measure(bench: Bench, boards: int, are_own: bool) -> dict[str, float]:
    introductions = bench.folder / "introductions.txt"
    introductions.write_text("\n".join(introduction(number, is_own=are_own) for number in range(boards)))
    with Gateway(bench.folder / "rich", bench.cores.server, boards) as gateway:
        time.sleep(_SETTLE_S)
        empty, begin_cpu_s, begin_loop_s = _memory(gateway), gateway.cpu_s(), loop_cpu_s(gateway.pid)
        options = _options(bench, gateway, boards, introductions)
        with bench.generator.idle_boards(options, bench.folder / "rich.txt") as load:
            load.wait_for("full", _FULL_DEADLINE_S)
            cpu_s, loop_s = gateway.cpu_s() - begin_cpu_s, loop_cpu_s(gateway.pid) - begin_loop_s
            # A reader has what waits for the journal written, which are the boards' texts.
            gateway.read_newest()
            time.sleep(_SETTLE_S)
            filled = _memory(gateway)
    return {
        "cpu_us": cpu_s / boards * 1e6,
        "loop_us": loop_s / boards * 1e6,
        "resident_kb": (filled.resident_bytes - empty.resident_bytes) / boards / 1024,
    }


def _options(bench: Bench, gateway: Gateway, boards: int, introductions: Path) -> Options:
    return {
        "port": gateway.port,
        "links": boards,
        "path": "/ws/pico",
        "device": DEVICE,
        "tokens": str(gateway.tokens),
        "introductions": str(introductions),
        "awake": bench.cores.load is not None,
    }


def _memory(gateway: Gateway) -> Memory:
    found = memory(gateway.pid)
    assert found is not None
    return found
