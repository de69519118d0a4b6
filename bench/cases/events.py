"""The cost of an event for each client of the event stream: the gateway against bare `transport.write`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

from bench.baselines import bare_fan_out
from bench.case import Bench, Extent, Goal, Result, at_most
from bench.child import Child, free_port, wait_for_port
from bench.event_clients import EventFigures, EventServer, bare_server, gateway_server, measure_events
from bench.gateway import DEVICE, Gateway
from bench.samples import ratios, summarise
from bench.tables import ResultTable

CLIENTS = (10, 90)
CLIENTS_QUICK = (10,)
EVENTS_PER_S = 100.0


class Events:
    """A hundred events a second to each of many clients: processor time for each delivery."""

    name = "events"
    title = "Events"

    def steps(self, extent: Extent) -> int:
        return len(_client_counts(extent)) * extent.rounds

    def run(self, bench: Bench) -> Result:
        rows: list[dict[str, Any]] = []
        with _servers(bench) as servers:
            for clients in _client_counts(bench.extent):
                found: dict[str, list[EventFigures]] = {server.name: [] for server in servers}
                for number in range(bench.extent.rounds):
                    bench.steps.begin(f"events for {clients}, round {number + 1} of {bench.extent.rounds}")
                    for server in servers[number % 2 :] + servers[: number % 2]:
                        window_s = bench.extent.window_ms * 2 / 1000
                        found[server.name].append(uvloop.run(measure_events(server, clients, EVENTS_PER_S, window_s)))
                rows += [_row(server, clients, found) for server in servers]
        return {"events_per_s": EVENTS_PER_S, "rows": rows}

    def tables(self, result: Result) -> list[ResultTable]:
        columns = ("server", "clients", "deliveries/s", "CPU µs/delivery", "× bare write")
        table = ResultTable(f"{result['events_per_s']:g} events a second to each client", columns)
        for row in result["rows"]:
            rate, cost_us, times = (row[name]["median"] for name in ("rate_per_s", "cpu_us", "times"))
            table.rows.append((row["title"], f"{row['clients']}", f"{rate:,.0f}", f"{cost_us:.1f}", f"{times:.2f}"))
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        most = max(row["clients"] for row in result["rows"])
        return [
            at_most(f"an event for each of {most} clients, by bare writes", 1.5, "×", row["times"]["median"])
            for row in result["rows"]
            if row["clients"] == most and row["server"] == "gateway"
        ]


def _client_counts(extent: Extent) -> tuple[int, ...]:
    return CLIENTS_QUICK if extent.is_quick else CLIENTS


def _row(server: EventServer, clients: int, found: dict[str, list[EventFigures]]) -> dict[str, Any]:
    cost_us, limit_us = (summarise(figures.cpu_us for figures in found[name]) for name in (server.name, "bare"))
    return {
        "server": server.name,
        "title": server.title,
        "clients": clients,
        "rate_per_s": summarise(figures.events_per_s for figures in found[server.name]),
        "cpu_us": cost_us,
        "times": ratios(cost_us, limit_us),
    }


@contextlib.contextmanager
def _servers(bench: Bench) -> Iterator[list[EventServer]]:
    folder, port, board_port = bench.folder / "events", free_port(), free_port()
    command = [sys.executable, str(Path(bare_fan_out.__file__)), str(port), str(board_port)]
    with Gateway(folder, bench.cores.server, 1) as gateway:
        with Child(command, core=bench.cores.server, log=folder / "bare.txt") as bare:
            wait_for_port(port)
            yield [
                bare_server(bare.pid, port, board_port, bare_fan_out.HEADER),
                gateway_server(gateway.pid, gateway.port, gateway.operator, f"{DEVICE}-0"),
            ]
