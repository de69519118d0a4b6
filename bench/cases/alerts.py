"""The engine of alerts: processor time for a reading, by the number of rules, and whether they change."""

from __future__ import annotations

import time
from typing import Any

from bench.case import Bench, Extent, Goal, Result, at_most
from bench.samples import summarise
from bench.tables import ResultTable
from darvaz.gateway.alerts.engine import Engine
from darvaz.gateway.alerts.rules import AlertRule

READINGS_PER_S = 1_000
DEVICES = 1_000
# Rules; how many of them are about one value; and by how much readings swing around the limits.
SHAPES = (
    ("no rule", 0, 0),
    ("10 rules of each of 1,000 boards", 10_000, 10),
    ("10,000 rules of one value", 10_000, 10_000),
)
_SHARE_MAX_PERCENT = 2.0


class Alerts:
    """10,000 rules and 1,000 readings a second, in one process and without a network."""

    name = "alerts"
    title = "Alerts"

    def steps(self, extent: Extent) -> int:
        return extent.rounds

    def run(self, bench: Bench) -> Result:
        runs: dict[str, list[float]] = {f"{title}, {how}": [] for title, _, _ in SHAPES for how in ("calm", "changing")}
        readings = 2_000 if bench.extent.is_quick else 20_000
        for number in range(bench.extent.rounds):
            bench.steps.begin(f"alerts, round {number + 1} of {bench.extent.rounds}")
            for title, rules, per_value in SHAPES:
                runs[f"{title}, calm"].append(measure(rules, per_value, readings, is_changing=False))
                runs[f"{title}, changing"].append(measure(rules, per_value, readings, is_changing=True))
        return {"us_per_reading": {name: summarise(values) for name, values in runs.items()}}

    def tables(self, result: Result) -> list[ResultTable]:
        table = ResultTable(
            "Alerts · processor time of the engine",
            ("rules", "µs per reading", f"CPU of {READINGS_PER_S:,} readings/s"),
        )
        for name, figure in result["us_per_reading"].items():
            table.rows.append((name, f"{figure['median']:.2f}", f"{share_percent(figure):.2f} %"))
        table.notes.append("calm: no rule changes; changing: every reading of every tenth board crosses one limit")
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        figure = result["us_per_reading"].get("10 rules of each of 1,000 boards, calm")
        share = None if figure is None else share_percent(figure)
        return [at_most("CPU of 10,000 rules and 1,000 readings/s", _SHARE_MAX_PERCENT, "%", share)]


def share_percent(figure: dict[str, Any]) -> float:
    """Returns the percent of one core that `READINGS_PER_S` take."""
    return float(figure["median"]) * READINGS_PER_S / 1e6 * 100


def measure(rules: int, per_value: int, readings: int, *, is_changing: bool) -> float:
    """Returns the processor time of a reading in µs."""
    engine = Engine()
    for device in range(DEVICES):
        engine.put_device(f"d{device}", (), True, 0.0)
    for number in range(rules):
        # Their limits are below zero, 0.1 apart, and readings far above them.
        device, limit = number // per_value, -0.1 * (number % per_value)
        rule = AlertRule(
            id=str(number), when="below", device=f"d{device}", value="temperature", threshold=limit, for_s=60
        )
        engine.put_rule(rule, 0.0)
    low = [{"temperature": -0.05}, {"temperature": 20.0}]
    high = [{"temperature": 20.0}, {"temperature": 20.5}]
    devices = [(f"d{device}", low if is_changing and device % 10 == 0 else high) for device in range(DEVICES)]
    start_s, at_s = time.process_time(), 1.0
    for number in range(readings):
        device_name, values = devices[number % DEVICES]
        engine.receive(device_name, values[number // DEVICES % 2], at_s)
        at_s += 1 / READINGS_PER_S
        if number % 100 == 0:
            engine.tick(at_s)
    return (time.process_time() - start_s) / readings * 1e6
