"""Readings as two columns of small whole numbers; replaced by columns.c where that is compiled.

Times become differences in milliseconds. Values that are decimals with few places, as sensors give them, become whole
numbers and then differences; others stay doubles. The bytes of equal weight lie together, since those that never
change then cost next to nothing once they are compressed.
"""

from __future__ import annotations

import contextlib
import struct
from array import array
from collections.abc import Sequence
from itertools import repeat
from math import copysign, inf, isfinite
from operator import eq, mul, sub, truediv
from typing import Any

from darvaz.gateway.telemetry.column_reading import CODES, DOUBLES

# Beyond this many places a decimal costs more than a double.
_PLACES_MAX = 6
# The largest whole number of which a double knows each neighbour.
_WHOLE_MAX = 2**53

# Places of the values or DOUBLES, bytes of a time difference, bytes of a value, the first value, both columns.
Columns = tuple[int, int, int, int, bytes]


def to_columns(times_ms: Sequence[int], values: Sequence[float]) -> Columns:
    """Returns readings, at least one, as columns; the first value is whole, 0 for doubles.

    Raises ValueError for times that are not in order.
    """
    gaps = array("q", map(sub, times_ms[1:], times_ms[:-1]))
    if gaps and min(gaps) < 0:
        raise ValueError("the times of a block are in order")
    places, whole = _as_whole_numbers(values)
    time_width, time_column = _column(gaps)
    if whole is None:
        return places, time_width, 8, 0, time_column + _by_weight(array("d", values).tobytes(), 8)
    value_width, value_column = _column(array("q", map(sub, whole[1:], whole[:-1])))
    return places, time_width, value_width, whole[0], time_column + value_column


def numbers_of(names: tuple[str, ...], rows: list[Any]) -> list[list[float] | None] | None:
    """Returns the values of each name, in the order of the rows, values by name; None if one has other names.

    In place of values that are not all numbers is None.
    """
    found: list[list[float] | None] = []
    if any(len(row) != len(names) for row in rows):
        return None
    for name in names:
        try:
            column = [row[name] for row in rows]
        except KeyError:
            return None
        found.append(list(map(float, column)) if set(map(type, column)) <= {float, int} else None)
    return found


def _as_whole_numbers(values: Sequence[float]) -> tuple[int, list[int] | None]:
    """Returns how many decimal places all values have, and the values without the point; or that they have more."""
    # The sum is finite if each value is, and they are far from the largest double.
    is_constant = values[0] == values[-1] and list(values).count(values[0]) == len(values)
    largest = max(max(values), -min(values)) if isfinite(sum(values)) else inf
    for places in range(_PLACES_MAX + 1):
        scale = 10**places
        if not largest * scale < _WHOLE_MAX:
            break
        # Most lists are seen not to fit by their first value; one loop in C is a third of the time of one in Python.
        if round(values[0] * scale) / scale != values[0]:
            continue
        if is_constant:
            whole = [round(values[0] * scale)] * len(values)
        else:
            whole = list(map(round, map(mul, values, repeat(scale))))
        if all(map(eq, map(truediv, whole, repeat(scale)), values)):
            # Minus zero would lose its sign.
            return (places, whole) if all(whole) or not _has_minus_zero(values) else (DOUBLES, None)
    return DOUBLES, None


def _has_minus_zero(values: Sequence[float]) -> bool:
    return any(value == 0.0 and copysign(1.0, value) < 0 for value in values)


def _column(numbers: array[int]) -> tuple[int, bytes]:
    """Returns the fewest bytes that hold each number, and all of them by weight."""
    for width, code in CODES.items():
        # A look for the least and the most takes twice as long.
        with contextlib.suppress(OverflowError):
            return width, _by_weight(_little(array(code, numbers)), width)
    raise AssertionError("eight bytes hold every number of such an array")


def _little(numbers: array[int]) -> bytes:
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        numbers.byteswap()
    return numbers.tobytes()


def _by_weight(data: bytes, width: int) -> bytes:
    return b"".join(data[byte::width] for byte in range(width))
