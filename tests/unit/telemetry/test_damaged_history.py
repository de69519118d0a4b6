"""A damaged history is moved aside, and a fresh one begins, at the start or while it is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from darvaz.gateway.storage.damage import NOTES_MAX
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_queries import last_readings
from darvaz.gateway.telemetry.history_schema import open_history
from tests.support.databases import open_history_store

NOON_S = 20_000 * 86_400.0
HEADER_BYTES = 100


def opened(folder: Path) -> History:
    return History(partial(open_history_store, folder), folder=folder)


def filled(folder: Path) -> Path:
    """Makes a history with a reading, and returns its file."""
    history = opened(folder)
    history.record("pico", NOON_S, {"t": 1.0})
    assert history.close()
    return folder / "history.sqlite3"


def overwrite_all(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


def overwrite_behind_the_header(file: Path) -> None:
    sound = file.read_bytes()
    file.write_bytes(sound[:HEADER_BYTES] + os.urandom(len(sound) - HEADER_BYTES))


def aside(folder: Path) -> list[Path]:
    return [path for path in folder.glob("history.sqlite3.damaged-*") if not path.name.endswith(("-wal", "-shm"))]


def readings(folder: Path) -> dict[str, object]:
    with closing(open_history(folder)) as connection:
        return {name: value for name, (value, _) in last_readings(connection, "pico").items()}


@pytest.mark.parametrize("damage", [overwrite_all, overwrite_behind_the_header])
def test_a_damaged_file_is_moved_aside_at_the_start(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    damage(filled(tmp_path))

    history = opened(tmp_path)
    history.write_replayed()
    history.record("pico", NOON_S, {"fresh": 2.0})
    assert history.close()

    assert len(aside(tmp_path)) == 1
    assert history.state.startswith("degraded: history.sqlite3 was damaged and is now history.sqlite3.damaged-")
    assert readings(tmp_path) == {"fresh": 2.0}


def test_a_file_that_is_damaged_while_it_is_open_is_moved_aside_and_told(tmp_path: Path) -> None:
    file = filled(tmp_path)
    history = opened(tmp_path)
    history.write_replayed()
    notes: list[str] = []
    history.on_replaced = notes.append

    overwrite_behind_the_header(file)
    history.record("pico", NOON_S, {"fresh": 2.0})
    assert history.close()

    assert notes == history.writer.notes
    assert len(aside(tmp_path)) == 1
    assert readings(tmp_path) == {"fresh": 2.0}


def test_a_file_that_somebody_cannot_read_is_checked_and_kept_if_it_is_sound(tmp_path: Path) -> None:
    filled(tmp_path)
    history = opened(tmp_path)
    history.write_replayed()

    history.suspect()
    assert history.close()

    assert (aside(tmp_path), history.state, readings(tmp_path)) == ([], "ok", {"t": 1.0})


def test_one_damage_beyond_the_maximum_is_a_failure(tmp_path: Path) -> None:
    for _ in range(NOTES_MAX):
        overwrite_all(filled(tmp_path))
    history = opened(tmp_path)
    history.writer.notes += ["degraded: before"] * NOTES_MAX

    history.record("pico", NOON_S, {"t": 1.0})

    assert not history.close()
    assert "cannot be opened" in history.state
