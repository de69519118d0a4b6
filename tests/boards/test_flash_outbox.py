"""A board with an outbox in the flash, on real MicroPython: an outage, power cuts, a gateway that comes back."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.journal.offline import OfflineJournal
from darvaz.gateway.journal.queries import ROWS_MAX, JournalFilter, Row
from tests.support.board_process import BoardProcess
from tests.support.gateway import GatewayProcess

DEADLINE_S = 60.0
# The folder of the process stands for the flash; what waits is moved there three times a second.
PATCH = {"flash_outbox": {"FOLDER": "outbox", "SPILL_MS": 300}}
CONFIG = {"outbox_flash_bytes": 65536}
# Between the moment on the board and the one that the gateway notes, on a busy machine.
NEAR_S = 3.0


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def board(gateway: GatewayProcess, tmp_path: Path) -> BoardProcess:
    return BoardProcess(tmp_path, gateway.ws_url, config=CONFIG, patch=PATCH, every_s=0.1)


def reports(gateway: GatewayProcess) -> list[Row]:
    path = gateway.data / "darvaz.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return OfflineJournal(gateway.data, connection).read(JournalFilter(type="telemetry"), ROWS_MAX)


def by_start(rows: list[Row]) -> list[list[Row]]:
    """Returns the reports of each start of the board: each counts from 0, and none is there twice."""
    starts: list[list[Row]] = []
    for row in rows:
        if not starts or number_of(row) <= number_of(starts[-1][-1]):
            starts.append([])
        starts[-1].append(row)
    return starts


def number_of(row: Row) -> int:
    return int(json.loads(row.payload)["seq"])


def numbers_of(rows: list[Row]) -> list[int]:
    return [number_of(row) for row in rows]


def kept(folder: Path) -> dict[str, list[int]]:
    """Returns the numbers of the reports in the flash, by the start of the board that they belong to."""
    found: dict[str, list[int]] = {}
    for path in sorted((folder / "outbox").glob("*.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            size = int.from_bytes(data[at : at + 2], "little")
            message = json.loads(data[at + 2 : at + 2 + size])
            if message["type"] == "telemetry":
                found.setdefault(path.suffix[1:], []).append(message["seq"])
            at += 2 + size
    return found


def wait_until_kept(folder: Path, starts: int, count: int) -> dict[str, list[int]]:
    """Waits until the flash has `count` reports of the newest start, and returns what it has."""
    give_up_s = time.monotonic() + DEADLINE_S
    while True:
        found = kept(folder)
        if len(found) == starts and len(list(found.values())[-1]) >= count:
            return found
        assert time.monotonic() < give_up_s, found
        time.sleep(0.1)


def wait_until_sent(folder: Path, starts: int) -> None:
    """Waits until nothing of these earlier starts is in the flash."""
    give_up_s = time.monotonic() + DEADLINE_S
    earlier = list(kept(folder))[:starts]
    while any(boot in earlier for boot in kept(folder)):
        assert time.monotonic() < give_up_s, kept(folder)
        time.sleep(0.1)


def test_what_waited_in_the_flash_is_recorded_once_and_at_its_time_after_power_cuts(
    gateway: GatewayProcess, board: BoardProcess, tmp_path: Path
) -> None:
    board.start()
    board.expect("online as pan-tilt")
    gateway.stop()
    first = wait_until_kept(tmp_path, 1, 10)
    board.stop()
    cut_unix_s = time.time()
    board.start()
    both = wait_until_kept(tmp_path, 2, 10)
    boots = list(both)
    assert boots[0] in first
    board.stop()
    board.start()
    gateway.start()
    wait_until_sent(tmp_path, 2)
    board.stop()
    gateway.stop()

    first_rows, second_rows, *_ = by_start(reports(gateway))
    assert set(both[boots[0]]) <= set(numbers_of(first_rows))
    assert set(both[boots[1]]) <= set(numbers_of(second_rows))
    assert abs(first_rows[-1].happened_ms / 1000 - cut_unix_s) < NEAR_S


def test_ordered_restart_keeps_what_waits(gateway: GatewayProcess, board: BoardProcess, tmp_path: Path) -> None:
    board.start()
    board.expect("online as pan-tilt")

    answer = gateway.post("/api/devices/pan-tilt/commands/reboot", json={})

    assert answer.status_code == 200
    board.expect("RESET")
    assert board.wait() == 3
    # What came after the link had ended.
    (rest,) = kept(tmp_path).values()
    board.stop()
    board.start()
    wait_until_sent(tmp_path, 1)
    board.stop()
    gateway.stop()
    numbers = numbers_of(by_start(reports(gateway))[0])
    assert numbers[-len(rest) :] == rest
