"""Pings of boards while the whole journal is exported, beside those of an idle gateway; and how fast the export is."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

from bench.case import Bench, Extent, Goal, Result, at_least, at_most
from bench.export_reader import DEADLINE_S, read_export
from bench.gateway import DEVICE, Gateway
from bench.machine import cpu_s
from bench.pings import BOARDS, p99, ping_while
from bench.samples import ratios, summarise
from bench.tables import ResultTable
from darvaz.gateway.journal.batches import insert_batch, next_id
from darvaz.gateway.storage.database import opened, transaction

ROWS, QUICK_ROWS = 10_000_000, 100_000
_ROWS_PER_BATCH = 4_000
_IDLE_WINDOWS = 3


class Exports:
    """Boards that ping ten times a second, first alone, then while a client reads the journal as CSV."""

    name = "exports"
    title = "Exports"

    def steps(self, extent: Extent) -> int:
        return extent.rounds

    def run(self, bench: Bench) -> Result:
        rows = QUICK_ROWS if bench.extent.is_quick else ROWS
        runs = []
        with Gateway(bench.folder / "exports", bench.cores.server, BOARDS) as gateway:
            gateway.stop()
            _fill(gateway.data, rows)
            gateway.start()
            for number in range(bench.extent.rounds):
                bench.steps.begin(f"exports, round {number + 1} of {bench.extent.rounds}")
                runs.append(asyncio.run(_measure(gateway, _IDLE_WINDOWS * bench.extent.window_ms / 1000)))
        return {"rows": rows, "figures": {name: summarise(run[name] for run in runs) for name in runs[0]}}

    def tables(self, result: Result) -> list[ResultTable]:
        table = ResultTable(
            f"Pings while {result['rows']:,} entries are exported as CSV · {BOARDS} boards",
            ("figure", "median", "least", "most"),
        )
        titles = {
            "rows_per_s": "entries a second",
            "cpu_us": "gateway's CPU µs an entry, all processes",
            "own_us": "of these the gateway itself, pings included",
            "idle_p99_us": "ping p99 µs without an export",
            "p50_us": "ping p50 µs with it",
            "p99_us": "ping p99 µs with it",
        }
        for name, title in titles.items():
            figure = result["figures"][name]
            table.rows.append((title, *(f"{figure[which]:,.1f}" for which in ("median", "min", "max"))))
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        figures = result["figures"]
        slower = ratios(figures["p99_us"], figures["idle_p99_us"])["median"]
        return [
            at_most("ping p99 during an export by that of an idle gateway", 3, "×", slower),
            at_least("entries exported as CSV, by 300,000 a second", 1, figures["rows_per_s"]["median"] / 300_000),
        ]


def _fill(data: Path, rows: int) -> None:
    """Writes reports of boards into the journal of a gateway that is stopped."""
    with opened(data) as connection:
        first_id, time_ms = next_id(connection), 1_790_000_000_000
        while first_id <= rows:
            groups: list[Any] = []
            for number in range(_ROWS_PER_BATCH):
                time_ms += 10
                report = {"type": "telemetry", "values": {"temperature": number / 100, "humidity": 41.2}}
                entry = ("<", "telemetry", json.dumps(report))
                groups.append((time_ms, f"{DEVICE}-{number % BOARDS}", "pico", "192.168.1.20", [entry]))
            with transaction(connection):
                first_id += insert_batch(connection, first_id, groups, str)


async def _measure(gateway: Gateway, idle_s: float) -> dict[str, float]:
    async with asyncio.timeout(DEADLINE_S):
        idle_us = await ping_while(gateway, lambda: time.sleep(idle_s))
        begin_s, begin_cpu_s, begin_own_s, lines = time.monotonic(), _cpu_s(gateway.pid), gateway.cpu_s(), 0

        def export() -> None:
            nonlocal lines
            lines = read_export(gateway.port, gateway.operator)

        busy_us = await ping_while(gateway, export)
        took_s, spent_s = time.monotonic() - begin_s, _cpu_s(gateway.pid) - begin_cpu_s
        own_us = (gateway.cpu_s() - begin_own_s) / lines * 1e6
    figures = {
        "own_us": own_us,
        "rows_per_s": lines / took_s,
        "cpu_us": spent_s / lines * 1e6,
        "idle_p99_us": p99(idle_us),
    }
    return figures | {"p50_us": statistics.median(busy_us), "p99_us": p99(busy_us)}


def _cpu_s(process: int) -> float:
    """Returns the processor time of a process and of those that it has started."""
    children = Path(f"/proc/{process}/task/{process}/children")
    started = children.read_text().split() if children.exists() else []
    return cpu_s(process) + sum(cpu_s(int(child)) for child in started)
