"""Automations: what comes due when, by a clock that is turned; also on both days that change daylight-saving time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.automations import declarations, gw, when
from darvaz.automations.declarations import DeclarationError, every
from darvaz.automations.loading import load
from darvaz.automations.testing import Rehearsal

PROGRAM = """
from darvaz.automations import every, gw, on, when

@when(gw["greenhouse"].temperature < 5, for_s=120, hysteresis=1)
async def warm():
    await gw["heater"].on(level=3)

@every("07:00", days="sat-wed")
async def morning():
    await gw["lamp"].on()

@every("02:30")
async def night():
    await gw["pump"].run()

@every(minutes=20)
async def often():
    await gw["clock"].tick()

@on("front", "opened")
async def opened():
    values = await gw["front"].read()
    await gw["lamp"].on(opened=values["opened"])

@on("front", "offline")
async def lost():
    await gw["siren"].on()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "house.py").write_text(PROGRAM, encoding="utf-8")
    yield tmp_path
    declarations.declared.clear()


def commands(world: Rehearsal, *but: str) -> list[str]:
    return [device for device, _, _ in world.sent if device not in {"clock", *but}]


def test_a_condition_runs_once_it_was_so_for_its_time(folder: Path) -> None:
    world = Rehearsal(folder)

    world.reads("greenhouse", temperature=4)
    world.passes(119)
    before = commands(world)
    world.passes(1)
    world.reads("greenhouse", temperature=3)
    world.passes(600)

    assert before == []
    assert [each for each in world.sent if each[0] == "heater"] == [("heater", "on", {"level": 3})]


def test_a_time_of_day_is_kept_on_its_days(folder: Path) -> None:
    # A Thursday.
    world = Rehearsal(folder, at="2026-01-01 12:00", zone="Asia/Tehran")

    world.passes(days=7)

    assert commands(world, "pump") == ["lamp"] * 5


@pytest.mark.parametrize(
    ("before", "first", "second"),
    [
        # The clock goes from 2:00 to 3:00, and from 3:00 back to 2:00.
        ("2026-03-28 12:00", "2026-03-29 03:30:00", "2026-03-30 02:30:00"),
        ("2026-10-24 12:00", "2026-10-25 02:30:00", "2026-10-26 02:30:00"),
    ],
)
def test_half_past_two_comes_once_on_each_day_that_changes_the_clock(
    folder: Path, before: str, first: str, second: str
) -> None:
    world = Rehearsal(folder, at=before, zone="Europe/Berlin")
    times: list[str] = []
    world.answer = lambda device, name, args: times.append(world.now) if device == "pump" else None

    world.passes(days=1, hours=18)

    assert times == [first, second]


def test_an_interval_runs_again_and_again(folder: Path) -> None:
    world = Rehearsal(folder)

    world.passes(hours=2)

    assert [device for device, _, _ in world.sent].count("clock") == 6


def test_what_a_board_does_is_an_event(folder: Path) -> None:
    world = Rehearsal(folder)

    for opened in (False, True, True, False):
        world.reads("front", opened=opened)
    world.board("front", online=False)

    assert world.sent == [("lamp", "on", {"opened": True}), ("siren", "on", {})]


def test_a_file_that_cannot_be_loaded_does_not_keep_the_others_from_running(folder: Path) -> None:
    (folder / "broken.py").write_text("from darvaz.automations import gw\ngw['a'].b != 3\n", encoding="utf-8")

    automations, problems = load(folder)

    assert len(automations) == 6
    assert problems["broken.py"].startswith("line 2: TypeError: != cannot be watched")


@pytest.mark.parametrize(
    ("time", "fields", "words"),
    [
        ("7", {}, "is not a time of day"),
        (None, {}, "give a time of day"),
        ("07:00", {"minutes": 5}, "give a time of day"),
        ("07:00", {"days": "sat-noday"}, "is not a day"),
        (None, {"seconds": 0.1}, "an interval is 1 s at least"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_the_reason(
    time: str | None, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(DeclarationError, match=words):
        every(time, **fields)  # type: ignore[arg-type]


def test_a_condition_must_be_a_comparison() -> None:
    with pytest.raises(DeclarationError, match="needs a comparison"):
        when(True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="known only while"):
        bool(gw["a"].b)
