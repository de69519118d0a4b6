"""Columns: the equivalent in C makes the bytes that Python makes, where it is compiled."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as some

import darvaz.gateway.telemetry
from darvaz.gateway.telemetry import columns as running
from tests.support.examples import examples
from tests.support.plain_modules import load_plain

SOURCE = Path(darvaz.gateway.telemetry.__path__[0]) / "columns.py"
numbers = some.one_of(
    some.floats(),
    some.decimals(-1000, 1000, places=2).map(float),
    some.decimals(-1, 1, places=7).map(float),
    some.integers(-(2**60), 2**60).map(float),
    some.integers(-(2**15), 2**15),
    some.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 2.0**53, 2.0**53 - 1, 0.5, 1.5, 2.5, 5e-324, 1e300]),
)


# Reports as they wait: some have other names, some values are not numbers.
value = some.one_of(some.integers(-9, 9), some.just(2.5), some.booleans(), some.just("open"))
reports = some.lists(some.fixed_dictionaries({"a": some.integers(), "b": value}, optional={"c": value}))


PLAIN = load_plain(SOURCE)


@examples(300)
@given(some.lists(some.tuples(some.integers(-(2**40), 2**42), some.one_of(numbers, some.just(0.5))), min_size=1))
def test_both_make_the_same_columns(pairs: list[tuple[int, float]]) -> None:
    times_ms, values = sorted(time for time, _ in pairs), [value for _, value in pairs]

    assert running.to_columns(times_ms, values) == PLAIN.to_columns(times_ms, values)


@pytest.mark.parametrize("gap_ms", [0, 127, 128, 32_767, 32_768, 2**31 - 1, 2**31, 2**62])
def test_a_column_is_as_wide_as_its_largest_number(gap_ms: int) -> None:
    times_ms, values = [5, 5 + gap_ms], [0.0, float(-(gap_ms % 2**53))]

    assert running.to_columns(times_ms, values) == PLAIN.to_columns(times_ms, values)


def test_a_constant_is_without_bytes_that_differ() -> None:
    assert running.to_columns([10, 20, 30], [2.5, 2.5, 2.5]) == (1, 1, 1, 25, b"\x0a\x0a\0\0")


@examples(100)
@given(some.sampled_from([(), ("a",), ("b", "a"), ("a", "b", "c")]), reports)
def test_both_find_the_same_numbers(names: tuple[str, ...], waiting: list[dict[str, object]]) -> None:
    try:
        expected = PLAIN.numbers_of(names, waiting)
    except OverflowError:
        with pytest.raises(OverflowError):
            running.numbers_of(names, waiting)
        return

    found = running.numbers_of(names, waiting)

    assert found == expected
    assert all(type(number) is float for column in found or () for number in column or ())


@pytest.mark.parametrize("columns", [PLAIN, running], ids=["plain", "running"])
def test_numbers_are_of_reports_with_the_same_names(columns: ModuleType) -> None:
    waiting = [{"t": 1, "lamp": True}, {"lamp": False, "t": 2.5}]

    assert columns.numbers_of(("t", "lamp"), waiting) == [[1.0, 2.5], None]
    assert columns.numbers_of(("t",), waiting) is None
    assert columns.numbers_of(("t", "window"), waiting) is None


@pytest.mark.parametrize("columns", [PLAIN, running], ids=["plain", "running"])
def test_times_out_of_order_are_refused(columns: ModuleType) -> None:
    with pytest.raises(ValueError, match="order"):
        columns.to_columns([2, 1], [1.0, 1.0])


@pytest.mark.skipif(Path(str(running.__file__)) == SOURCE, reason="the plain module accepts what Python slices")
@pytest.mark.parametrize("arguments", [(), ([1],), ([1], [1.0], 1), (1, [1.0]), ([1], ["1"]), (["1"], [1.0])])
def test_arguments_of_other_kinds_are_refused_in_c(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        running.to_columns(*arguments)  # type: ignore[arg-type]


@pytest.mark.skipif(Path(str(running.__file__)) == SOURCE, reason="the plain module accepts what Python indexes")
@pytest.mark.parametrize("arguments", [(), ((), [], 1), (["t"], []), ((), ({},)), (("t",), [("t",)]), (("t",), [0])])
def test_reports_of_other_kinds_are_refused_in_c(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        running.numbers_of(*arguments)  # type: ignore[arg-type]


@pytest.mark.skipif(Path(str(running.__file__)) == SOURCE, reason="in Python an index is out of range")
@pytest.mark.parametrize("arguments", [([], []), ([1], []), ([1], [1.0, 2.0])])
def test_a_time_without_a_value_is_refused_in_c(arguments: tuple[list[int], list[float]]) -> None:
    with pytest.raises(ValueError, match="a value for each time"):
        running.to_columns(*arguments)
