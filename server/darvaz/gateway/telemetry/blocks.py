"""Readings of one series, packed: times and values as columns of small differences (columns.py), compressed.

A block is a list of readings in the order of their times. Measured with readings every 10 s: 2.0 to 2.9 bytes each,
against 25.7 as rows of a table.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate

from darvaz.gateway.telemetry.column_reading import DOUBLES, read_doubles, read_whole_numbers
from darvaz.gateway.telemetry.columns import to_columns

READINGS_MAX = 4_096
_LEVEL = 6
# Places of the values or DOUBLES, bytes of a time difference, bytes of a value, count, first time, first value.
_HEADER = struct.Struct("<BBBIqq")


class BlockError(ValueError):
    """The bytes are not a block."""


def pack(times_ms: Sequence[int], values: Sequence[float]) -> bytes:
    """Returns readings as a block; the times are Unix milliseconds, oldest first.

    Raises ValueError where there are none, more than READINGS_MAX, or times out of order.
    """
    count = len(times_ms)
    if not 0 < count <= READINGS_MAX or count != len(values):
        raise ValueError(f"a block of {count} times and {len(values)} values; 1 to {READINGS_MAX} readings")
    places, time_width, value_width, first, columns = to_columns(times_ms, values)
    header = _HEADER.pack(places, time_width, value_width, count, times_ms[0], first)
    return header + zlib.compress(columns, _LEVEL)


def unpack(block: bytes) -> tuple[list[int], list[float]]:
    """Returns the times and values of a block; raises BlockError."""
    try:
        places, time_width, value_width, count, first_ms, first = _HEADER.unpack_from(block)
        columns = zlib.decompressobj().decompress(block[_HEADER.size :], 16 * READINGS_MAX)
        split = time_width * (count - 1)
        gaps = read_whole_numbers(columns[:split], time_width)
        times_ms = list(accumulate(gaps, initial=first_ms))
        if places == DOUBLES:
            values = read_doubles(columns[split:])
        else:
            whole = accumulate(read_whole_numbers(columns[split:], value_width), initial=first)
            scale = 10**places
            values = [number / scale for number in whole]
    except (struct.error, zlib.error, KeyError, ValueError) as error:
        raise BlockError(f"a damaged block: {error}") from None
    if len(times_ms) != count or len(values) != count:
        raise BlockError(f"a damaged block: {count} readings expected")
    return times_ms, values
