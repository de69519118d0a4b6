"""Processor time of a report of six values until it is stored: the gateway beside other programs that store them."""

from __future__ import annotations

import json
from typing import Any

from bench.baselines.server import Workload, websocket_options
from bench.baselines.stores import LINKS, BrokerAndSubscriber, VictoriaMetrics, cpu_until_idle_s
from bench.case import Bench, Extent, Goal, Result, at_most
from bench.gateway import DEVICE, Gateway
from bench.machine import loop_cpu_s
from bench.samples import ratios, summarise
from bench.tables import ResultTable

VALUES = {"temperature": 23.41, "humidity": 41.2, "pressure": 1013.2, "light": 321, "battery": 3.91, "door": 0}
REPORT = json.dumps({"type": "telemetry", "values": VALUES}, separators=(",", ":"))
_PING = '{"type":"ping","time":1790000000}'
_IN_FLIGHT = 16
# Long enough for several flushes of the history, which are part of the price.
_WINDOWS = 3
_OURS = "darvaz"


class TelemetryReports:
    """100 links with 16 reports in flight on each; all that is done for them counts, until nothing is left to do."""

    name = "telemetry"
    title = "Telemetry"

    def steps(self, extent: Extent) -> int:
        return extent.rounds

    def run(self, bench: Bench) -> Result:
        broker, metrics = BrokerAndSubscriber(), VictoriaMetrics()
        skipped = {other.title: why for other in (broker, metrics) if (why := other.missing(bench))}
        runs: dict[str, list[dict[str, float]]] = {}
        for number in range(bench.extent.rounds):
            bench.steps.begin(f"telemetry, round {number + 1} of {bench.extent.rounds}")
            runs.setdefault(_OURS, []).append(_measure(bench))
            if broker.title not in skipped:
                runs.setdefault(broker.title, []).append(_figures(*broker.measure(bench, REPORT)))
            if metrics.title not in skipped:
                runs.setdefault(metrics.title, []).append(_figures(*metrics.measure(bench, VALUES)))
        figures = {
            name: {word: summarise(run[word] for run in several) for word in several[0]}
            for name, several in runs.items()
        }
        return {"figures": figures, "skipped": skipped}

    def tables(self, result: Result) -> list[ResultTable]:
        columns = ("stored by", "reports", "CPU µs a report", "on the event loop", "CPU ratio")
        table = ResultTable(f"A report of six values · {LINKS} links · {_IN_FLIGHT} in flight", columns, bold={0})
        ours = result["figures"][_OURS]["cpu_us"]
        for name, figures in result["figures"].items():
            is_ours = name == _OURS
            table.rows.append(
                (
                    "Darvaz (full path, journal, history)" if is_ours else name,
                    f"{figures['reports']['median']:,.0f}",
                    f"{figures['cpu_us']['median']:.1f}",
                    f"{figures['loop_us']['median']:.1f}" if is_ours else "",
                    "" if is_ours else f"{ratios(figures['cpu_us'], ours)['median']:.2f} ×",
                )
            )
        table.notes += [f"{title}: skipped, {why}" for title, why in result["skipped"].items()]
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        ours = result["figures"][_OURS]
        at = "a report of six values, 16 in flight: "
        return [
            at_most(at + "on the event loop", 5, "µs", ours["loop_us"]["median"]),
            at_most(at + "in all", 10, "µs", ours["cpu_us"]["median"]),
        ]


def _measure(bench: Bench) -> dict[str, float]:
    with Gateway(bench.folder / "telemetry", bench.cores.server, LINKS) as gateway:
        begin_s, begin_loop_s = cpu_until_idle_s([gateway.pid]), loop_cpu_s(gateway.pid)
        options: dict[str, Any] = {
            "port": gateway.port, "links": LINKS, "path": "/ws/pico", "device": DEVICE, "tokens": str(gateway.tokens),
            "message": _PING, "log": REPORT, "warmup-ms": 0, "window-ms": _WINDOWS * bench.extent.window_ms,
            **websocket_options(Workload("log", _IN_FLIGHT), '"pong"'),
        }  # fmt: skip
        reports = bench.generator.run("exchange", options).get("logs_sent", 0)
        spent_s = cpu_until_idle_s([gateway.pid]) - begin_s
        return {
            **_figures(reports, spent_s),
            "loop_us": (loop_cpu_s(gateway.pid) - begin_loop_s) / max(reports, 1) * 1e6,
        }


def _summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    return {name: summarise(run[name] for run in runs) for name in runs[0]}


def _figures(reports: int, spent_s: float) -> dict[str, float]:
    return {"reports": reports, "cpu_us": spent_s / max(reports, 1) * 1e6}
