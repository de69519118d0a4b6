"""The report: tables on the terminal, the goals, JSON, and the tables in docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.c_programs import ROOT
from bench.case import Case, Goal
from bench.machine import busy_note
from bench.tables import ResultTable, as_markdown, show

VERSION = 1
PAGE = ROOT / "docs" / "benchmarks.md"
_BEGIN = "<!-- results: written by python -m bench --docs -->"
_END = "<!-- end of the results -->"


class Report:
    """The results of one run."""

    def __init__(self, machine: Mapping[str, Any], is_quick: bool, generator: str) -> None:
        self._machine = machine
        self._is_quick = is_quick
        self._generator = generator
        self._results: list[tuple[Case, dict[str, Any]]] = []

    def add(self, case: Case, result: dict[str, Any]) -> None:
        """Adds the result of a case."""
        self._results.append((case, result))

    def tables(self) -> list[ResultTable]:
        """Returns every table, the goals last."""
        tables = [table for case, result in self._results for table in case.tables(result)]
        return [*tables, self._goals_table()]

    def goals(self) -> list[Goal]:
        return [goal for case, result in self._results for goal in case.goals(result)]

    def _goals_table(self) -> ResultTable:
        marks = {True: "met", False: "missed", None: "–"}
        table = ResultTable("Goals", ("", "goal", "measured", ""))
        table.rows += [(goal.title, goal.goal, goal.measured, marks[goal.is_met]) for goal in self.goals()]
        if self._is_quick:
            table.notes.append("A quick run is too short for a judgement: do not quote this table.")
        return table

    def heading(self) -> list[str]:
        """Returns the lines about machine and load generator that stand above the tables."""
        machine = self._machine
        lines = [
            f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}",
            f"the gateway's hot path: {machine['hot_path']}; {machine['pinning']}; {self._generator}",
        ]
        busy = busy_note(machine["load_average"])
        return [*lines, *([busy] if busy else [])]

    def print(self, console: Console) -> None:
        """Prints every table."""
        for table in self.tables():
            show(console, table)

    def as_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "machine": dict(self._machine),
            "generator": self._generator,
            "quick": self._is_quick,
            "cases": {case.name: result for case, result in self._results},
            "goals": [vars(goal) for goal in self.goals()],
        }

    def write_json(self, path: Path) -> None:
        """Writes all results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")

    def write_page(self, page: Path = PAGE) -> None:
        """Writes the tables into the page, between its two markers."""
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition(_BEGIN)
        _, _, after = rest.partition(_END)
        heading = "\n".join([f"Measured {self._machine['measured_at']}.", *(f"{line}." for line in self.heading())])
        tables = "\n".join(as_markdown(table) for table in self.tables())
        page.write_text(f"{before}{_BEGIN}\n\n{heading}\n\n{tables}\n{_END}{after}", encoding="utf-8")
