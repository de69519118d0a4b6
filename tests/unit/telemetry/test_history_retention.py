"""What the history keeps: for its days, within its size, and nothing of a forgotten device."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from darvaz.gateway.telemetry.history_tables import (
    Retention,
)
from tests.unit.telemetry.histories import DAY_S, NOON_S, Kept

# Retention


@pytest.mark.parametrize(
    ("table", "days"), [("readings", 7.0), ("five_minutes", 90.0), ("hours", 1825.0)], ids=lambda value: str(value)
)
def test_each_source_is_kept_for_its_time(kept: Kept, table: str, days: float) -> None:
    for day in range(int(days) + 1):
        kept.record("pico", NOON_S + day * DAY_S, t=1)
    kept.write()
    count = kept.count(table)

    kept.now_s = NOON_S + days * DAY_S
    kept.retain()
    assert kept.count(table) == count

    kept.now_s += 1
    kept.retain()
    assert kept.count(table) == count - 1


@pytest.mark.parametrize("ahead_s", [DAY_S, 60 * DAY_S, 10 * 365 * DAY_S])
def test_a_clock_that_is_ahead_for_a_while_deletes_nothing(kept: Kept, ahead_s: float) -> None:
    for day in range(6):
        kept.record("pico", NOON_S + day * DAY_S, t=1)
    kept.write()
    kept.now_s = NOON_S + 6 * DAY_S + ahead_s
    kept.record("pico", kept.now_s, t=2)
    kept.write()
    kept.retain()

    assert kept.count("readings") == 7
    assert kept.count("hours") == 7


def test_a_history_that_is_too_large_loses_its_oldest_readings_first(make: Callable[..., Kept]) -> None:
    kept = make(Retention(raw_days=64, bytes_max=1_500_000))
    chance = random.Random(4)
    for first in range(0, 60_000, 20_000):
        kept.record_all(
            "pico",
            (
                (NOON_S + number * 60, {"t": float(number) + chance.random(), "u": chance.random()})
                for number in range(first, first + 20_000)
            ),
        )
        kept.write()
    kept.now_s = NOON_S + 60_000 * 60
    before = kept.count("readings"), kept.count("five_minutes"), kept.count("hours")

    kept.retain()

    left = kept.count("readings")
    assert 0 < left < before[0]
    assert (kept.count("five_minutes"), kept.count("hours")) == before[1:]
    assert int(kept.plot("pico", "t", kept.now_s - 3600, kept.now_s).points[-1].mean) == 59_999
    [remark] = kept.history.limits.remarks.values()
    assert "days and not 64: history_retain_bytes_max is reached" in remark


def test_a_history_whose_last_hour_is_too_large_is_held_to_its_size(make: Callable[..., Kept]) -> None:
    kept = make(Retention(bytes_max=1_000_000))
    chance = random.Random(5)
    for _ in range(10):
        kept.record_all(
            "pico",
            ((NOON_S + number / 10, {f"t{name}": chance.random() for name in range(40)}) for number in range(1_000)),
        )
        kept.write()
        kept.retain()

        pages = kept.connection.execute("PRAGMA page_count").fetchone()[0]
        assert pages * 4096 <= 2_200_000


def test_nothing_of_a_forgotten_device_is_kept(kept: Kept) -> None:
    kept.record("gone", NOON_S, t=1)
    kept.record("stays", NOON_S, t=1)
    kept.write()
    kept.record("gone", NOON_S + 1, t=1)
    kept.history.forget("gone")
    kept.record("gone", NOON_S + 2, u=5)
    kept.write()

    assert kept.plot("gone", "t", 0, NOON_S * 2).points == []
    assert [point.mean for point in kept.plot("gone", "u", NOON_S, NOON_S + 60).points] == [5.0]
    assert len(kept.plot("stays", "t", NOON_S, NOON_S + 60).points) == 1
