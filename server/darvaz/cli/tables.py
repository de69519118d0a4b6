"""Tables of the command line: on a terminal as wide as it is, in a pipe one row a line, in full."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from darvaz.text.terminal import visible, visible_json

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, str]
Found = TypeVar("Found")

_FIXED_CHARS_MAX = 16
_FOLDED_CHARS_MIN = 12
_GAP = "  "
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def show_found(
    found: Sequence[Found],
    whole: Callable[[Found], Row],
    nothing: str,
    *,
    as_json: bool,
    brief: Callable[[Found], Row] | None = None,
) -> None:
    """Prints a list as JSON or as a table; instead of an empty table, a sentence on standard error."""
    if as_json:
        click.echo(visible_json(found, indent=2))
    elif found:
        rows = [whole(each) for each in found]
        show(rows, rows if brief is None else [brief(each) for each in found])
    else:
        click.echo(nothing, err=True)


def show(whole: Sequence[Row], brief: Sequence[Row]) -> None:
    """Prints the brief rows to a terminal, and the whole ones to a pipe, with tabs between the columns."""
    # Here, because rich takes a tenth of a second to load.
    from rich.console import Console

    console = Console()
    if console.is_terminal and _least_width(brief) > console.width:
        _show_list(brief, console.width)
        return
    if console.is_terminal:
        console.print(_terminal_table(brief))
        return
    for line in ([*whole[0]], *([*row.values()] for row in whole)):
        click.echo("\t".join(map(visible, line)))


def _least_width(rows: Sequence[Row]) -> int:
    """Returns how many columns a table needs, so that names and short cells stay whole."""
    widest = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    first = next(iter(widest))
    return sum(
        (width if name == first or width <= _FIXED_CHARS_MAX else _FOLDED_CHARS_MIN) + len(_GAP)
        for name, width in widest.items()
    )


def _show_list(rows: Sequence[Row], columns: int) -> None:
    """Prints each row as a name and its values, one a line, for a terminal that is too narrow for a table."""
    import textwrap

    for row in rows:
        first, *others = row.items()
        lines = [visible(first[1]), *(f"{_GAP}{name}: {visible(value)}" for name, value in others if value)]
        for line in lines:
            folded = textwrap.wrap(line, columns, subsequent_indent=2 * _GAP, break_on_hyphens=False)
            click.echo("\n".join(folded))


def ago(then_s: float, unix_s: float) -> str:
    """Returns how long ago something was, in the largest unit that fits; 0 s if the clock was set back."""
    return f"{span(max(0.0, unix_s - then_s))} ago"


def span(seconds: float) -> str:
    """Returns a length of time in the largest unit that fits."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def iso(time_s: float | None) -> str | None:
    """Returns a time as ISO 8601 in this machine's zone."""
    if time_s is None:
        return None
    return datetime.datetime.fromtimestamp(time_s).astimezone().isoformat(timespec="seconds")


def _terminal_table(rows: Sequence[Row]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in rows[0]:
        widest = max(len(row[name]) for row in rows)
        # Short columns keep their width; the long ones share the rest and fold.
        table.add_column(name, no_wrap=widest <= _FIXED_CHARS_MAX, overflow="fold")
    for row in rows:
        # Text objects, because texts of devices and people may look like rich's markup.
        table.add_row(*(Text(visible(cell)) for cell in row.values()))
    return table
