"""Tables of results, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass
class ResultTable:
    """One table and the notes below it; the first column is text, the others are right-aligned."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bold: set[int] = field(default_factory=set)


def show(console: Console, table: ResultTable) -> None:
    """Prints a table."""
    if table.rows:
        drawn = Table(title=escape(table.title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        for number, column in enumerate(table.columns):
            drawn.add_column(column, justify="right" if number else "left")
        for number, row in enumerate(table.rows):
            drawn.add_row(*map(escape, row), style="bold" if number in table.bold else "")
        console.print(drawn)
    for note in table.notes:
        console.print(f"  {note}", markup=False, highlight=False, style="dim")


def as_markdown(table: ResultTable) -> str:
    """Returns a table as Markdown."""
    lines = [f"### {table.title}", ""] if table.rows else []
    if table.rows:
        lines += [_line(table.columns), _line(["---"] + ["---:"] * (len(table.columns) - 1))]
        lines += [_line([f"**{c}**" if n in table.bold and c else c for c in row]) for n, row in enumerate(table.rows)]
        lines.append("")
    lines += [f"- {note}" for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
