"""Packed readings: what is packed comes out again to the last bit, small, and damage is told."""

from __future__ import annotations

import math
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from darvaz.gateway.telemetry.blocks import READINGS_MAX, BlockError, pack, unpack
from tests.support.examples import examples

NOW_MS = 1_764_000_000_000
values = some.one_of(
    some.floats(allow_nan=False),
    some.decimals(-1000, 1000, places=2).map(float),
    some.integers(-(2**60), 2**60).map(float),
    some.sampled_from([0.0, -0.0, math.inf, -math.inf, 0.1, 1e15, 5e-324]),
)
readings = some.lists(some.tuples(some.integers(0, 2**41), values), min_size=1, max_size=60).map(
    lambda pairs: sorted(pairs, key=lambda pair: pair[0])
)


def bits(numbers: list[float]) -> bytes:
    """Returns doubles as they are in memory: minus zero is not zero there."""
    return struct.pack(f"{len(numbers)}d", *numbers)


@examples(60)
@given(readings)
def test_readings_come_out_as_they_went_in(pairs: list[tuple[int, float]]) -> None:
    times_ms, numbers = [time for time, _ in pairs], [value for _, value in pairs]

    found = unpack(pack(times_ms, numbers))

    assert found[0] == times_ms
    assert bits(found[1]) == bits(numbers)


def test_readings_of_one_millisecond_are_all_kept() -> None:
    assert unpack(pack([NOW_MS] * 3, [1.5, 2.5, 1.5])) == ([NOW_MS] * 3, [1.5, 2.5, 1.5])


def test_a_day_of_a_sensor_takes_three_bytes_a_reading_at_most() -> None:
    chance = random.Random(1)
    times_ms = [NOW_MS + 10_000 * number + chance.randrange(-5, 6) for number in range(READINGS_MAX)]
    temperatures = [round(21 + 3 * math.sin(number / 400) + chance.gauss(0, 0.05), 2) for number in range(READINGS_MAX)]
    heap = [float(130_000 + 16 * chance.randrange(4_000)) for _ in range(READINGS_MAX)]

    assert len(pack(times_ms, temperatures)) <= 1.5 * READINGS_MAX
    assert len(pack(times_ms, heap)) <= 3 * READINGS_MAX


@pytest.mark.parametrize(
    ("times_ms", "numbers"),
    [([], []), ([1], [1.0, 2.0]), ([2, 1], [1.0, 1.0]), ([0] * (READINGS_MAX + 1), [0.0] * (READINGS_MAX + 1))],
    ids=["none", "unequal", "out of order", "one too many"],
)
def test_what_is_not_a_block_is_refused(times_ms: list[int], numbers: list[float]) -> None:
    with pytest.raises(ValueError, match=r"block|order"):
        pack(times_ms, numbers)


def test_a_block_of_the_largest_size_is_read() -> None:
    times_ms = list(range(READINGS_MAX))

    assert unpack(pack(times_ms, [0.5] * READINGS_MAX)) == (times_ms, [0.5] * READINGS_MAX)


def test_damaged_blocks_are_told_or_read_whole() -> None:
    chance = random.Random(2)
    block = pack(list(range(100)), [chance.random() for _ in range(100)])

    for _ in range(2_000):
        data = bytearray(block)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            times_ms, numbers = unpack(bytes(data[: chance.choice([len(data), chance.randrange(len(data) + 1)])]))
        except BlockError:
            continue
        assert len(times_ms) == len(numbers) <= READINGS_MAX
