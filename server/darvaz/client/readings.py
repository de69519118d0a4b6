"""Readings of the history as they come: an export in columns, read in whatever pieces, and points for pandas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from darvaz.client.errors import GatewayError
from darvaz.client.requests import PlotPoint
from darvaz.text.extras import how_to_install

# Of one line, which has 4,096 readings at most.
_LINE_BYTES_MAX = 1_048_576
_FIELDS = ("device", "name", "times_ms", "values")


class Readings(NamedTuple):
    """Some readings of one value of one device: Unix milliseconds, and as many numbers, or as many texts."""

    device: str
    name: str
    times_ms: list[int]
    values: list[float] | list[str]


class ReadingsParser:
    """Takes the bytes of an export with `format=columns` apart."""

    def __init__(self) -> None:
        self._rest = b""

    def receive(self, data: bytes) -> list[Readings]:
        """Returns what is complete now; raises `GatewayError` for what no gateway sends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_BYTES_MAX:
            raise GatewayError("the answer is not an export of a Darvaz gateway: a line has no end")
        return [_parse(line) for line in lines]

    def end(self) -> None:
        """Raises `GatewayError` where the export ended within a line."""
        if self._rest:
            raise GatewayError("the export ended too early; ask again")


def _parse(line: bytes) -> Readings:
    try:
        found = json.loads(line)
        readings = Readings(*(found[field] for field in _FIELDS))
        if len(readings.times_ms) != len(readings.values) or not readings.values:
            raise ValueError
    except (ValueError, TypeError, KeyError):
        raise GatewayError("the answer is not an export of a Darvaz gateway: a line cannot be read") from None
    return readings


class Points(list[PlotPoint]):
    """The points of a plot, oldest first: a list that pandas can have."""

    def to_pandas(self) -> Any:
        """Returns a DataFrame: `mean`, `lowest`, `highest` and `readings`, by their time in UTC.

        Raises ImportError, with what to install, where pandas is missing.
        """
        return _table(self, list(PlotPoint._fields))


class Changes(list[tuple[float, str | bool]]):
    """When a text changed, in Unix seconds, and to what, oldest first: a list that pandas can have."""

    def to_pandas(self) -> Any:
        """Returns a DataFrame: `value` by the time in UTC from which it was so. Raises as that of `Points`."""
        return _table(self, ["time", "value"])


def _table(rows: Iterable[tuple[Any, ...]], columns: list[str]) -> Any:
    """Returns a DataFrame of rows that begin with their Unix seconds."""
    try:
        import pandas
    except ImportError:
        raise ImportError(f"to_pandas() needs pandas: {how_to_install('pandas')}") from None
    frame = pandas.DataFrame([tuple(row) for row in rows], columns=columns)
    times_ms = (frame["time"].astype(float) * 1000).round().astype("int64")
    frame["time"] = pandas.to_datetime(times_ms, unit="ms", utc=True)
    return frame.set_index("time")
