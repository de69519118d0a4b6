"""The list of devices: limited in memory, written in the background, and not lost to a full disk."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.devices.registry import Devices, KnownDevice
from darvaz.gateway.storage.database import open_database


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path)) as connection:
        yield connection


def known(device: str, now_s: float, **fields: str) -> KnownDevice:
    return KnownDevice.introduced(device, "pico", "192.0.2.7", fields, now_s)


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.005)


def stored(folder: Path) -> list[str]:
    with closing(open_database(folder)) as connection:
        return [device for (device,) in connection.execute("SELECT id FROM devices ORDER BY id")]


def test_a_flood_of_introductions_is_written_as_one_row(connection: sqlite3.Connection, tmp_path: Path) -> None:
    devices = Devices(connection)
    written = 0

    def count(statement: str) -> None:
        nonlocal written
        written += statement.lstrip().startswith("INSERT INTO devices")

    connection.set_trace_callback(count)
    with closing(open_database(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(10_000):
            devices.remember(known("flooder", number, version=str(number)))
        other.execute("ROLLBACK")
    devices.close()

    assert written <= 3
    with closing(open_database(tmp_path)) as other:
        assert other.execute("SELECT version FROM devices").fetchall() == [("9999",)]


def test_one_device_beyond_the_maximum_replaces_the_least_recently_seen(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    devices = Devices(connection, devices_max=3)
    for number, device in enumerate(["online", "older", "newer"]):
        devices.remember(known(device, float(number)))
    devices.mark_seen("newer", 20.0)
    devices.mark_seen("older", 10.0)

    devices.remember(known("latest", 30.0))
    devices.close()

    assert [device.id for device in devices.all()] == ["online", "newer", "latest"]
    assert stored(tmp_path) == ["latest", "newer", "online"]


def test_connected_devices_are_never_forgotten(connection: sqlite3.Connection) -> None:
    devices = Devices(connection, devices_max=2)

    for number in range(5):
        devices.remember(known(f"here-{number}", float(number)))
    devices.close()

    assert len(devices.all()) == 5


def test_a_device_is_written_once_a_full_disk_has_space_again(connection: sqlite3.Connection, tmp_path: Path) -> None:
    devices = Devices(connection)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

    for number in range(3):
        devices.remember(known(f"unlucky-{number}", 1.0, board="x" * 20_000))
    wait_until(lambda: devices.writer.state != "ok")
    assert "the list of devices cannot be written" in devices.writer.state
    connection.execute("PRAGMA max_page_count = 1000000")
    wait_until(lambda: devices.writer.state == "ok")

    assert devices.close()
    assert stored(tmp_path) == ["unlucky-0", "unlucky-1", "unlucky-2"]


def test_one_change_beyond_the_maximum_has_the_whole_list_written(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    devices = Devices(connection, devices_max=3)
    with closing(open_database(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(20):
            devices.remember(known(f"short-{number}", 1.0))
            if number < 18:
                devices.forget(f"short-{number}")
        assert len(devices._changed) <= 6
        other.execute("ROLLBACK")

    assert devices.close(10)
    assert stored(tmp_path) == ["short-18", "short-19"]


def test_changes_after_the_end_are_not_an_error(connection: sqlite3.Connection) -> None:
    devices = Devices(connection)
    devices.remember(known("late", 1.0))
    devices.close()

    devices.mark_seen("late", 2.0)
    devices.close()

    assert devices.all()[0].last_seen_s == 2.0


def test_device_of_an_unknown_kind_is_told_and_left_out_and_its_row_stays(
    connection: sqlite3.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = Devices(connection)
    for kind in ("pico", "later-kind"):
        before.remember(KnownDevice.introduced(f"of-{kind}", kind, "192.0.2.7", {}, 1.0))
    assert before.close()

    devices = Devices(open_database(tmp_path), kinds=["pico", "esp32cam"])
    devices.label("of-pico", "Kitchen")
    assert devices.close()

    assert [known.id for known in devices.all()] == ["of-pico"]
    assert "of-later-kind" in caplog.text and "later-kind" in caplog.text
    assert stored(tmp_path) == ["of-later-kind", "of-pico"]


def test_many_devices_of_unknown_kinds_are_told_in_a_few_lines(
    connection: sqlite3.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = Devices(connection)
    for number in range(50):
        before.remember(KnownDevice.introduced(f"device-{number}", "later-kind", "192.0.2.7", {}, 1.0))
    assert before.close()

    assert Devices(open_database(tmp_path), kinds=["pico"]).close()

    assert len([record for record in caplog.records if "unknown kind" in record.message]) <= 11


def test_ids_behind_one_are_in_order_and_without_those_that_went(connection: sqlite3.Connection) -> None:
    devices = Devices(connection, devices_max=4)
    for number, device in enumerate(["d", "b", "a", "c"]):
        devices.remember(known(device, float(number)))
    devices.mark_seen("b", 9.0)
    devices.remember(known("e", 10.0))
    devices.forget("d")
    devices.forget("d")
    devices.close()

    assert (devices.after(""), devices.after("a"), devices.after("b"), devices.after("e")) == (
        ["a", "c", "e"], ["c", "e"], ["c", "e"], [],
    )  # fmt: skip


def test_equal_introductions_of_the_database_are_shared(connection: sqlite3.Connection, tmp_path: Path) -> None:
    before = Devices(connection)
    for device in ("a", "b"):
        fields = {"commands": {"led": {"on": {"type": "boolean"}}}}
        before.remember(KnownDevice.introduced(device, "pico", "192.0.2.7", fields, 1.0))
    assert before.close()

    devices = Devices(open_database(tmp_path))
    first, second = devices.all()
    devices.close()

    assert first.introduction["commands"] is second.introduction["commands"]
