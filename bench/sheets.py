"""Tables of results, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass
class Sheet:
    """One table with its sentences; the first column is text, the others stand to the right."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bold: set[int] = field(default_factory=set)


def show(console: Console, sheet: Sheet) -> None:
    """Prints a table."""
    if sheet.rows:
        table = Table(title=escape(sheet.title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        for number, column in enumerate(sheet.columns):
            table.add_column(column, justify="right" if number else "left")
        for number, row in enumerate(sheet.rows):
            table.add_row(*map(escape, row), style="bold" if number in sheet.bold else "")
        console.print(table)
    for note in sheet.notes:
        console.print(f"  {note}", markup=False, highlight=False, style="dim")


def as_markdown(sheet: Sheet) -> str:
    """Returns a table as Markdown."""
    lines = [f"### {sheet.title}", ""] if sheet.rows else []
    if sheet.rows:
        lines += [_line(sheet.columns), _line(["---"] + ["---:"] * (len(sheet.columns) - 1))]
        lines += [_line([f"**{c}**" if n in sheet.bold and c else c for c in row]) for n, row in enumerate(sheet.rows)]
        lines.append("")
    lines += [f"- {note}" for note in sheet.notes]
    return "\n".join(lines).rstrip() + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
