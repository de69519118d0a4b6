"""The record log: what was synced is there after any power cut, in order and once, and nothing else is."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from darvaz.gateway.storage import record_log
from darvaz.gateway.storage.record_log import FILE_BYTES, RECORD_BYTES_MAX, RecordLog, RecordLogFullError

PAGE_BYTES = 512


def opened(folder: Path, file_bytes: int = 4096, files_max: int = 8) -> tuple[RecordLog, list[tuple[int, bytes]]]:
    """Returns an open log and the records that it found."""
    log = RecordLog(folder, file_bytes=file_bytes, files_max=files_max)
    return log, [(record.number, record.data) for record in log.open()]


def test_records_are_found_again_in_order(tmp_path: Path) -> None:
    log, _ = opened(tmp_path / "log")
    appended = []
    for number in range(200):
        data = b"%d" % number * 9
        appended.append((log.append(1, data), data))
    assert log.sync() == appended[-1][0]
    log.close()

    again, found = opened(tmp_path / "log")

    assert found == appended
    assert (again.next_number, again.synced_number, again.missing) == (appended[-1][0] + 1, appended[-1][0], 0)
    again.close()


def test_released_files_are_written_again_and_the_ring_does_not_grow(tmp_path: Path) -> None:
    log, _ = opened(tmp_path / "log")
    for _ in range(2_000):
        log.release(1, log.append(1, bytes(100)))
    log.close()

    assert len(list((tmp_path / "log").iterdir())) <= 3


def test_one_kind_that_is_not_released_holds_its_files(tmp_path: Path) -> None:
    log, _ = opened(tmp_path / "log")
    kept = log.append(2, b"kept")
    for _ in range(100):
        log.release(1, log.append(1, bytes(100)))
    log.sync()
    log.close()

    again, found = opened(tmp_path / "log")

    assert (kept, b"kept") in found
    again.close()


def test_a_full_ring_refuses_one_record_more_and_takes_it_after_a_release(tmp_path: Path) -> None:
    log, _ = opened(tmp_path / "log", files_max=2)
    with pytest.raises(RecordLogFullError):
        for _ in range(1_000):
            log.append(1, bytes(100))
    full = log.next_number

    log.release(1, full - 1)

    assert log.append(1, bytes(100)) > full - 1
    log.close()


def test_a_record_that_is_one_byte_too_large_is_refused(tmp_path: Path) -> None:
    log, _ = opened(tmp_path / "log", file_bytes=FILE_BYTES)

    with pytest.raises(ValueError, match=str(RECORD_BYTES_MAX)):
        log.append(1, bytes(RECORD_BYTES_MAX + 1))

    assert log.append(1, bytes(RECORD_BYTES_MAX)) > 0
    log.close()


def test_damage_in_an_older_file_is_counted_and_later_files_are_read(tmp_path: Path) -> None:
    log, _ = opened(tmp_path / "log")
    for _ in range(100):
        log.append(1, bytes(100))
    log.sync()
    log.close()
    oldest = min((tmp_path / "log").iterdir(), key=lambda path: path.name)
    data = bytearray(oldest.read_bytes())
    data[1_000] ^= 1
    oldest.write_bytes(data)

    again, found = opened(tmp_path / "log")

    assert again.missing > 0
    assert len(found) == 100 - again.missing
    again.close()


class Disk:
    """Keeps each file of a folder as it was last synced, which is what a power cut leaves at least."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._synced: dict[str, bytes] = {}
        monkeypatch.setattr(record_log, "_sync_data", self._sync)
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        if path.is_file():
            self._synced[path.name] = path.read_bytes()

    def cut_power(self, chance: random.Random) -> None:
        """Takes back a random choice of the pages that were written since they were synced."""
        for path in self._folder.iterdir():
            now, before = path.read_bytes(), self._synced[path.name]
            pages = range(0, len(now), PAGE_BYTES)
            path.write_bytes(b"".join((now if chance.random() < 0.5 else before)[at : at + PAGE_BYTES] for at in pages))
            self._synced[path.name] = path.read_bytes()


@pytest.mark.parametrize("seed", range(25))
def test_after_a_power_cut_all_that_was_synced_is_there_and_the_rest_is_a_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "log"
    disk = Disk(folder, monkeypatch)
    appended: dict[int, bytes] = {}
    released = 0
    for _ in range(8):
        log, found = opened(folder)
        log.release(1, released)
        for _ in range(chance.randrange(1, 60)):
            data = chance.randbytes(chance.randrange(300))
            appended[log.append(1, data)] = data
            if chance.random() < 0.2:
                released = chance.randrange(released, log.sync() + 1)
                log.release(1, released)
        synced = log.synced_number
        log.close()
        disk.cut_power(chance)

        log, found = opened(folder)
        numbers = [number for number, _ in found if number > released]
        in_order = sorted(number for number in appended if number > released)
        assert numbers == in_order[: len(numbers)]
        assert all(appended[number] == data for number, data in found)
        assert [number for number in in_order[len(numbers) :] if number <= synced] == []
        appended = dict(found)
        assert log.missing == 0
        log.close()
