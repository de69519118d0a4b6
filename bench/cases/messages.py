"""Messages a second and processor time for each: the gateway beside its baselines, in the same rounds."""

from __future__ import annotations

import itertools
from collections import defaultdict
from contextlib import ExitStack
from typing import Any

from bench.baselines.asgi import StarletteJson, UvicornEcho, WireEcho
from bench.baselines.darvaz import LINKS, Darvaz, PlainDarvaz
from bench.baselines.floor import Floor
from bench.baselines.mosquitto import Mosquitto
from bench.baselines.node import NodeJson
from bench.baselines.server import Running, Server, Workload
from bench.case import Bench, Extent, Goal, Result, at_least, at_most
from bench.cases.messages_tables import tables_of
from bench.gateway import compare
from bench.samples import ratios, summarise
from bench.tables import ResultTable

# Messages of boards with every field of the schema: 33 and 80 bytes.
PING = '{"type":"ping","time":1790000000}'
LOG = '{"type":"log","level":"info","message":"servo at 90 degrees","uptime_ms":471100}'
WORKLOADS = (Workload("ping", 1), Workload("ping", 16), Workload("log", 1), Workload("log", 16))
QUICK_WORKLOADS = (Workload("ping", 1), Workload("ping", 16), Workload("log", 16))
_GATEWAY = "darvaz"
# Whether it is faster with or without Nagle's algorithm varies.
_MOSQUITTO = ("mosquitto-qos0", "mosquitto-qos0-as-installed")

Measured = dict[str, Any]
Key = tuple[Workload, str]


class Messages:
    """Ping to pong and log messages, on 100 links, with 1 and with 16 messages in flight on each."""

    name = "messages"
    title = "Messages"

    def __init__(self) -> None:
        self._servers: tuple[Server, ...] = (
            Darvaz(),
            PlainDarvaz(),
            Floor(),
            WireEcho(),
            UvicornEcho(),
            StarletteJson(),
            NodeJson(),
            Mosquitto(0),
            Mosquitto(0, nodelay=False),
            Mosquitto(1),
        )

    def steps(self, extent: Extent) -> int:
        return extent.rounds * len(_workloads(extent))

    # Measuring

    def run(self, bench: Bench) -> Result:
        skipped = {server.title: why for server in self._servers if (why := self._why_not(server, bench))}
        servers = [server for server in self._servers if server.title not in skipped]
        measured: dict[Key, list[Measured]] = defaultdict(list)
        with ExitStack() as stack:
            running = {
                server.name: stack.enter_context(server.start(bench.folder, bench.cores.server))
                for server in servers
                if not isinstance(server, Darvaz)
            }
            for number, workload in itertools.product(range(bench.extent.rounds), _workloads(bench.extent)):
                bench.steps.begin(f"messages: {_title(workload)}, round {number + 1} of {bench.extent.rounds}")
                for server in _rotated([s for s in servers if s.does_logs or not workload.is_log], number):
                    figures = self._measure(bench, server, workload, running.get(server.name))
                    measured[workload, server.name].append(figures)
        return {"links": LINKS, "rows": self._rows(measured), "skipped": skipped}

    def _why_not(self, server: Server, bench: Bench) -> str | None:
        if server.needs_c and not bench.generator.is_fast:
            return "the load generator in Python has no MQTT"
        return server.missing()

    def _measure(self, bench: Bench, server: Server, workload: Workload, running: Running | None) -> Measured:
        if running is not None:
            return self._exchange(bench, server, workload, running)
        assert isinstance(server, Darvaz)
        with server.start(bench.folder, bench.cores.server) as fresh:
            figures = self._exchange(bench, server, workload, fresh)
            server.gateway.stop()
            figures["journal"] = compare(server.gateway, _expected(figures))
        return figures

    def _exchange(self, bench: Bench, server: Server, workload: Workload, running: Running) -> Measured:
        extent = bench.extent
        times = {"warmup-ms": extent.warmup_ms, "window-ms": extent.window_ms}
        target = {"port": running.port, "server": running.pid, "links": LINKS}
        texts = {"message": PING, "log": LOG}
        # On loopback the server pays for waking a sleeping client; over a network it does not.
        alone = {"awake": bench.generator.is_fast and bench.cores.load is not None}
        return bench.generator.run("exchange", {**target, **times, **texts, **alone, **server.options(workload)})

    def _rows(self, measured: dict[Key, list[Measured]]) -> list[dict[str, Any]]:
        titles = {server.name: server.title for server in self._servers}
        rows = []
        for (workload, name), runs in measured.items():
            rates = summarise(run["messages"] / run["window_s"] for run in runs)
            costs_us = summarise(run["server_cpu_s"] / max(run["messages"], 1) * 1e6 for run in runs)
            row = {"server": name, "title": titles[name], "workload": workload.name, "in_flight": workload.in_flight}
            row |= {"rate_per_s": rates, "cpu_us": costs_us}
            row |= {word: summarise(run[word] for run in runs) for word in ("p50_us", "p99_us")}
            row["load_share"] = summarise(run["load_cpu_s"] / run["window_s"] for run in runs)
            row["server_share"] = summarise(run["server_cpu_s"] / run["window_s"] for run in runs)
            if name == _GATEWAY:
                row["journal"] = [vars(run["journal"]) | {"says": run["journal"].sentence()} for run in runs]
            rows.append(row)
        return rows

    # Reporting

    def tables(self, result: Result) -> list[ResultTable]:
        return tables_of(result)

    def goals(self, result: Result) -> list[Goal]:
        at = "100 links, {} in flight"
        many, one = at.format(16), at.format(1)
        return [
            at_least(f"ping→pong, {many}: by Mosquitto QoS 0", 3, _ratio(result, 16, *_MOSQUITTO)),
            at_least(f"ping→pong, {many}: by Node ws + JSON", 3.3, _ratio(result, 16, "node-ws")),
            at_least(f"ping→pong, {many}: by Starlette + json", 5, _ratio(result, 16, "starlette-json")),
            at_least(f"ping→pong, {one}: by Mosquitto QoS 0", 1.05, _ratio(result, 1, *_MOSQUITTO)),
            at_least(f"ping→pong, {one}: by Node ws + JSON", 1.2, _ratio(result, 1, "node-ws")),
            at_most(f"full path by bare echo on our class, {many}", 2, "× CPU", _cost(result, "wire-echo")),
        ]


def _workloads(extent: Extent) -> tuple[Workload, ...]:
    return QUICK_WORKLOADS if extent.is_quick else WORKLOADS


def _title(workload: Workload) -> str:
    return f"{workload.name}, {workload.in_flight} in flight"


def _rotated(servers: list[Server], number: int) -> list[Server]:
    """Returns the servers in another order each round, so that none always follows the same one."""
    start = number % len(servers)
    return servers[start:] + servers[:start]


def _expected(figures: Measured) -> dict[tuple[str, str], int]:
    """Returns the journal entries that a run must have left."""
    units, logs = figures["units_sent"], figures["logs_sent"]
    return {("<", "ping"): units, (">", "pong"): units, ("<", "log"): logs}


def _find(result: Result, in_flight: int, name: str) -> dict[str, Any] | None:
    wanted = ("ping", in_flight, name)
    rows: list[dict[str, Any]] = result["rows"]
    return next((row for row in rows if (row["workload"], row["in_flight"], row["server"]) == wanted), None)


def _ratio(result: Result, in_flight: int, *names: str) -> float | None:
    """Returns the gateway's rate divided by that of the fastest of these, or None if either was not measured."""
    ours = _find(result, in_flight, _GATEWAY)
    theirs = [row for name in names if (row := _find(result, in_flight, name))]
    if not ours or not theirs:
        return None
    return min(ratios(ours["rate_per_s"], row["rate_per_s"])["median"] for row in theirs)


def _cost(result: Result, name: str) -> float | None:
    ours, theirs = _find(result, 16, _GATEWAY), _find(result, 16, name)
    return ratios(ours["cpu_us"], theirs["cpu_us"])["median"] if ours and theirs else None
