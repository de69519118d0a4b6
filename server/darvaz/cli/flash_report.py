"""What `darvaz flash` shows: steps, a progress bar on a terminal, the board's last lines, and the result as JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from darvaz.boards.flashing import FlashOutcome
from darvaz.boards.flashing.flash import Flashed
from darvaz.boards.serial import Port
from darvaz.text.terminal import visible, visible_json

_LINES_SHOWN = 8


class FlashFailure(NamedTuple):
    """How a flash failed, and the sentence for people."""

    outcome: FlashOutcome
    sentence: str


Show = Callable[[Port, Flashed | FlashFailure, float], None]
"""Shows how the flash of the board at a port ended, and how many seconds it took."""


def show_json(port: Port, ended: Flashed | FlashFailure, took_s: float) -> None:
    """Prints how a flash ended as one line of JSON."""
    outcome = ended.outcome if isinstance(ended, FlashFailure) else FlashOutcome.ONLINE
    about = {"port": port.path, "outcome": outcome.name.lower(), "code": int(outcome), "took_s": round(took_s, 1)}
    if isinstance(ended, FlashFailure):
        click.echo(visible_json({**about, "error": ended.sentence}))
        return
    result = {"device": ended.device, "files": ended.files, "info": ended.info, "kept": ended.set_aside}
    click.echo(visible_json({**about, **result, "left": ended.left, "keeps_main": ended.keeps_main}))


class FlashReport:
    """Writes to standard error; `prefix` names the board if there are several."""

    def __init__(self, prefix: str = "", *, shows_lines: bool = False) -> None:
        self._prefix = prefix
        self._shows_lines = shows_lines
        self._lines: deque[str] = deque(maxlen=_LINES_SHOWN)
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def step(self, sentence: str) -> None:
        """Shows that something begins, or was found out."""
        click.echo(f"{self._prefix}… {visible(sentence)}", err=True)

    def begin_copying(self, files: int, size_bytes: int) -> None:
        """Shows how much will be copied."""
        self.step(f"copying {files} {'file' if files == 1 else 'files'}, {size_bytes:,} bytes")
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (TextColumn("{task.description:<28}", markup=False), BarColumn(), DownloadColumn())
            self._progress = Progress(*columns, console=console, transient=True)
            self._task = self._progress.add_task("", total=size_bytes)
            self._progress.start()

    def copied(self, path: str, size_bytes: int) -> None:
        """Shows that more bytes of a file are copied."""
        if self._progress is not None:
            self._progress.update(self._task, advance=size_bytes, description=visible(path))

    def end_copying(self) -> None:
        """Ends the progress bar."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def line(self, line: str) -> None:
        """Keeps a line that the board printed, and shows it with `shows_lines`."""
        self._lines.append(line)
        if self._shows_lines:
            click.echo(f"{self._prefix}  {line}", err=True)

    def show_last_lines(self) -> None:
        """Shows the last lines of the board, unless they were shown already."""
        if self._lines and not self._shows_lines:
            self.step("the last lines of the board:")
            for line in self._lines:
                click.echo(f"{self._prefix}    {line}", err=True)
