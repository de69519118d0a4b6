"""The progress of a run: a bar on a terminal, else one line a step."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


class Steps:
    """Shows each of a known number of steps before it begins."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._begun = 0
        shape = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        # Drawing takes time on the load generator's core.
        self._bar = Progress(*shape, console=console, transient=True, refresh_per_second=2)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, what: str) -> None:
        """Shows the next step; the previous one is done."""
        if self._console.is_terminal:
            self._bar.update(self._task, completed=self._begun, description=what)
        else:
            self._console.print(f"{self._begun + 1}/{self._total} {what}", markup=False, highlight=False)
        self._begun += 1
