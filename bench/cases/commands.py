"""Round trip of a command, from the HTTP request to its response: idle and under load."""

from __future__ import annotations

from typing import Any

from bench.case import Bench, Extent, Goal, Result, at_most
from bench.cases.messages import LOG
from bench.gateway import DEVICE, Gateway, compare
from bench.generator import Options
from bench.samples import ratios, summarise
from bench.tables import ResultTable

BOARDS = 100
LOADS_PER_S = (0, 10_000)
OPERATORS = 16
_IDLE, _LOADED = map(str, LOADS_PER_S)
_AT_ONCE = "at once"


class Commands:
    """`POST /api/devices/{id}/commands/{name}` to one board after another, a millisecond after each answer.

    And without a pause by 16 operators, for the processor time of a command.
    """

    name = "commands"
    title = "Commands"

    def steps(self, extent: Extent) -> int:
        return extent.rounds

    def run(self, bench: Bench) -> Result:
        result: Result = {"boards": BOARDS, "loads": {}, "journal": "", "notes": []}
        if not bench.generator.is_fast:
            result["notes"].append("skipped, " + bench.generator.note.split(";")[0])
            return result
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (_IDLE, _LOADED, _AT_ONCE)}
        with Gateway(bench.folder / "commands", bench.cores.server, BOARDS) as gateway:
            for number in range(bench.extent.rounds):
                bench.steps.begin(f"commands, round {number + 1} of {bench.extent.rounds}")
                for load in LOADS_PER_S:
                    runs[str(load)].append(_measure(bench, gateway, load))
                runs[_AT_ONCE].append(_measure(bench, gateway, 0, OPERATORS))
            gateway.stop()
            check = compare(gateway, _expected([run for several in runs.values() for run in several]))
        result["journal"] = check.sentence()
        result["at_once"] = _summary(runs.pop(_AT_ONCE))
        result["loads"] = {load: _summary(several) for load, several in runs.items()}
        return result

    def tables(self, result: Result) -> list[ResultTable]:
        columns = (
            "operators",
            "other messages/s",
            "commands/s",
            "p50 µs",
            "p99 µs",
            "CPU µs",
            "of it, event loop",
            "load CPU",
        )
        table = ResultTable(
            f"Command round trip over HTTP · {result['boards']} boards", columns, notes=[*result["notes"]]
        )
        rows = [(1, figures) for figures in result["loads"].values()]
        rows += [(OPERATORS, result["at_once"])] if "at_once" in result else []
        names = ("logs_per_s", "commands_per_s", "p50_us", "p99_us", "cpu_us", "loop_us")
        for operators, figures in rows:
            medians = {name: figure["median"] for name, figure in figures.items()}
            cells = [f"{medians[name]:,.0f}" for name in names]
            table.rows.append((str(operators), *cells, f"{medians['load_share']:.0%}"))
        if result["journal"]:
            table.notes.append(f"journal: {result['journal']}")
        return [table]

    def goals(self, result: Result) -> list[Goal]:
        loads = result["loads"]
        measured = ratios(loads[_LOADED]["p99_us"], loads[_IDLE]["p50_us"])["median"] if loads else None
        title = f"command p99 under {LOADS_PER_S[1]:,} messages/s by p50 of an idle gateway"
        at_once = result["at_once"]["cpu_us"]["median"] if loads else None
        goal = at_most(f"a command, {OPERATORS} at once: the gateway's processor", 120, "µs", at_once)
        return [at_most(title, 5, "×", measured), goal]


def _measure(bench: Bench, gateway: Gateway, load_per_s: int, operators: int = 1) -> dict[str, Any]:
    options: Options = {
        "port": gateway.port,
        "server": gateway.pid,
        "links": BOARDS,
        "path": "/ws/pico",
        "device": DEVICE,
        "tokens": str(gateway.tokens),
        "operator": gateway.operator,
        "log": LOG,
        "logs-per-s": load_per_s,
        "in-flight": operators,
        "gap-us": 1000 if operators == 1 else 0,
        "warmup-ms": bench.extent.warmup_ms,
        # Long enough for a 99th percentile.
        "window-ms": 2 * bench.extent.window_ms,
    }
    return bench.generator.run("command", options)


def _expected(runs: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    commands, logs = (sum(run[name] for run in runs) for name in ("commands_sent", "logs_sent"))
    return {(">", "command"): commands, ("<", "ack"): commands, ("<", "log"): logs}


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "p50_us": summarise(run["p50_us"] for run in runs),
        "p99_us": summarise(run["p99_us"] for run in runs),
        "commands_per_s": summarise(run["commands"] / run["window_s"] for run in runs),
        "logs_per_s": summarise(run["logs"] / run["window_s"] for run in runs),
        "cpu_us": summarise(1e6 * run["server_cpu_s"] / run["commands"] for run in runs),
        "loop_us": summarise(1e6 * run["loop_cpu_s"] / run["commands"] for run in runs),
        "load_share": summarise(run["load_cpu_s"] / run["window_s"] for run in runs),
    }
