"""The interface of a case: it measures something in rounds, makes tables, and compares figures with goals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from bench.generator import Generator
from bench.machine import Cores
from bench.progress import Steps
from bench.tables import ResultTable

Result = dict[str, Any]


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    rounds: int
    window_ms: int
    warmup_ms: int
    idle_boards: int
    idle_rounds: int
    virtual_boards: int
    is_quick: bool

    def limited(self, rounds: int) -> Self:
        """Returns the same extent with `rounds` rounds of everything."""
        return replace(self, rounds=rounds, idle_rounds=rounds)

    def emptied(self, idle_boards: int) -> Self:
        """Returns the same extent with this number of idle boards."""
        return replace(self, idle_boards=idle_boards)

    def shortened(self, window_ms: int) -> Self:
        """Returns the same extent with measurements of `window_ms`, and their beginnings in the same proportion."""
        return replace(self, window_ms=window_ms, warmup_ms=self.warmup_ms * window_ms // self.window_ms)


FULL = Extent(
    rounds=5, window_ms=1000, warmup_ms=300, idle_boards=10_000, idle_rounds=5, virtual_boards=200, is_quick=False
)
QUICK = Extent(
    rounds=2, window_ms=250, warmup_ms=100, idle_boards=1_000, idle_rounds=1, virtual_boards=4, is_quick=True
)


@dataclass(frozen=True)
class Bench:
    """What a case is given to measure with."""

    extent: Extent
    cores: Cores
    generator: Generator
    folder: Path
    steps: Steps


@dataclass(frozen=True)
class Goal:
    """One goal and its result; `is_met` is None where it was not measured."""

    title: str
    goal: str
    measured: str
    is_met: bool | None


class Case(Protocol):
    """One file in bench/cases/."""

    name: str
    title: str

    def steps(self, extent: Extent) -> int:
        """Returns how many steps `run` takes."""

    def run(self, bench: Bench) -> Result:
        """Measures, and returns the result as the JSON file has it."""

    def tables(self, result: Result) -> list[ResultTable]:
        """Returns the tables of a result."""

    def goals(self, result: Result) -> list[Goal]:
        """Returns the goals that this case measures."""


def at_least(title: str, goal: float, measured: float | None) -> Goal:
    """Returns a goal that is a ratio to reach."""
    text = "not measured" if measured is None else f"{measured:.2f} ×"
    return Goal(title, f"≥ {goal:g} ×", text, None if measured is None else measured >= goal)


def at_most(title: str, goal: float, unit: str, measured: float | None) -> Goal:
    """Returns a goal that is a figure to stay below."""
    text = "not measured" if measured is None else f"{measured:.2f} {unit}"
    return Goal(title, f"≤ {goal:g} {unit}", text, None if measured is None else measured <= goal)
