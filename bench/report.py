"""What is made of the results: tables on the terminal, the goals, JSON, and the tables in docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.case import Case, Goal
from bench.machine import busy_note
from bench.sheets import Sheet, as_markdown, show
from bench.tools import ROOT

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
        """Takes the result of a case."""
        self._results.append((case, result))

    def sheets(self) -> list[Sheet]:
        """Returns every table, the goals last."""
        sheets = [sheet for case, result in self._results for sheet in case.sheets(result)]
        return [*sheets, self._goals_sheet()]

    def goals(self) -> list[Goal]:
        return [goal for case, result in self._results for goal in case.goals(result)]

    def _goals_sheet(self) -> Sheet:
        marks = {True: "met", False: "missed", None: "–"}
        sheet = Sheet("Goals", ("", "goal", "measured", ""))
        sheet.rows += [(goal.title, goal.goal, goal.measured, marks[goal.is_met]) for goal in self.goals()]
        if self._is_quick:
            sheet.notes.append("A quick run is too short to judge by: this table is for looking, not for quoting.")
        return sheet

    def heading(self) -> list[str]:
        """Returns what a reader of the figures must know first."""
        machine = self._machine
        lines = [
            f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}",
            f"the gateway's hot path: {machine['hot_path']}; {machine['pinning']}; {self._generator}",
        ]
        busy = busy_note(machine["load_average"])
        return [*lines, *([busy] if busy else [])]

    def print(self, console: Console) -> None:
        """Prints every table."""
        for sheet in self.sheets():
            show(console, sheet)

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
        """Writes everything that was measured."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")

    def write_page(self, page: Path = PAGE) -> None:
        """Puts the tables where the page keeps them."""
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition(_BEGIN)
        _, _, after = rest.partition(_END)
        said = "\n".join([f"Measured {self._machine['measured_at']}.", *(f"{line}." for line in self.heading())])
        tables = "\n".join(as_markdown(sheet) for sheet in self.sheets())
        page.write_text(f"{before}{_BEGIN}\n\n{said}\n\n{tables}\n{_END}{after}", encoding="utf-8")
