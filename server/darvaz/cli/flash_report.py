"""What `darvaz flash` shows as it goes: steps, a bar on a terminal, and the board's last words where it fails."""

from __future__ import annotations

from collections import deque

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from darvaz.text.terminal import visible

_LINES_SHOWN = 8


class FlashReport:
    """Writes to the error stream; `prefix` names the board where there are several."""

    def __init__(self, prefix: str = "", *, shows_lines: bool = False) -> None:
        self._prefix = prefix
        self._shows_lines = shows_lines
        self._lines: deque[str] = deque(maxlen=_LINES_SHOWN)
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def step(self, sentence: str) -> None:
        """Something begins, or was found out."""
        click.echo(f"{self._prefix}… {visible(sentence)}", err=True)

    def begin_copying(self, files: int, size_bytes: int) -> None:
        """So much is about to be copied."""
        self.step(f"copying {files} {'file' if files == 1 else 'files'}, {size_bytes:,} bytes")
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (TextColumn("{task.description:<28}", markup=False), BarColumn(), DownloadColumn())
            self._progress = Progress(*columns, console=console, transient=True)
            self._task = self._progress.add_task("", total=size_bytes)
            self._progress.start()

    def copied(self, path: str, size_bytes: int) -> None:
        """So much more of a file arrived."""
        if self._progress is not None:
            self._progress.update(self._task, advance=size_bytes, description=visible(path))

    def end_copying(self) -> None:
        """All is copied, or given up."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def line(self, line: str) -> None:
        """The board said this."""
        self._lines.append(line)
        if self._shows_lines:
            click.echo(f"{self._prefix}  {line}", err=True)

    def show_last_lines(self) -> None:
        """Shows what the board said last, if it was not shown already."""
        if self._lines and not self._shows_lines:
            self.step("the board last said:")
            for line in self._lines:
                click.echo(f"{self._prefix}    {line}", err=True)
