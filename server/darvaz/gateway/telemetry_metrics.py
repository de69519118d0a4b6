"""The newest telemetry of each board as one metric for Prometheus, bounded in its series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

# A board has 64 names at most; Prometheus itself begins to suffer above some hundred thousand.
SERIES_MAX = 20_000
_NAME, _HELP = "darvaz_telemetry", "The newest numbers and truth values of the boards that are here."
_OMITTED, _OMITTED_HELP = "darvaz_telemetry_omitted_series", "Values that are left out: there are too many."


class ValueGauge(NamedTuple):
    """A newest value of a board, and its unit, "" without one."""

    name: str
    unit: str
    value: float


# The shown values of each board that is here.
Boards = Callable[[], Iterable[tuple[str, Iterable[ValueGauge]]]]


def telemetry_texts(boards: Boards, escape: Callable[[str], str], series_max: int = SERIES_MAX) -> Iterator[bytes]:
    """Yields the lines of the metric, board by board, and how many are left out."""
    yield f"# HELP {_NAME} {_HELP}\n# TYPE {_NAME} gauge\n".encode()
    left, omitted = series_max, 0
    for device, values in boards():
        lines = []
        for found in values:
            if left:
                left -= 1
                labels = f'device="{escape(device)}",name="{found.name}",unit="{escape(found.unit)}"'
                lines.append(f"{_NAME}{{{labels}}} {float(found.value)!r}\n")
            else:
                omitted += 1
        yield "".join(lines).encode()
    yield f"# HELP {_OMITTED} {_OMITTED_HELP}\n# TYPE {_OMITTED} gauge\n{_OMITTED} {float(omitted)!r}\n".encode()
