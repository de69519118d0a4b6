"""Reading the journal, as rows and on the command line."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.journal_reading import ROWS_MAX, Row, Wanted, describe, parse_since, read
from darvaz.store import open_database

COLUMNS = "time_ms, device, kind, address, direction, type, payload"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = open_database(tmp_path)
    add(made, 1000, "a", "pico", "<", "log", "one")
    add(made, 2000, "b", "esp32cam", "<", "frame", "two")
    add(made, 3000, "a", "pico", ">", "ping", "three")
    yield made
    made.close()


def add(connection: sqlite3.Connection, time_ms: int, device: str, kind: str, *rest: str) -> None:
    connection.execute(
        f"INSERT INTO journal ({COLUMNS}) VALUES (?, ?, ?, '192.0.2.7', ?, ?, ?)", (time_ms, device, kind, *rest)
    )


@pytest.mark.parametrize(
    ("wanted", "payloads"),
    [
        (Wanted(), ["one", "two", "three"]),
        (Wanted(device="a"), ["one", "three"]),
        (Wanted(kind="esp32cam"), ["two"]),
        (Wanted(type="ping"), ["three"]),
        (Wanted(direction="<"), ["one", "two"]),
        (Wanted(since_ms=2000), ["two", "three"]),
        (Wanted(until_ms=2000), ["one"]),
        (Wanted(after_id=2), ["three"]),
        (Wanted(device="a", direction="<"), ["one"]),
    ],
)
def test_rows_are_found_by_what_they_have(connection: sqlite3.Connection, wanted: Wanted, payloads: list[str]) -> None:
    assert [row.payload for row in read(connection, wanted)] == payloads


def test_a_limit_takes_the_newest_or_the_oldest_in_order_of_time(connection: sqlite3.Connection) -> None:
    assert [row.payload for row in read(connection, Wanted(), 2)] == ["two", "three"]
    assert [row.payload for row in read(connection, Wanted(), 2, newest=False)] == ["one", "two"]


def test_no_reading_is_longer_than_the_most(connection: sqlite3.Connection) -> None:
    for _ in range(ROWS_MAX):
        add(connection, 4000, "c", "pico", "<", "log", "")

    assert len(read(connection, Wanted(), ROWS_MAX + 1)) == ROWS_MAX


@pytest.mark.parametrize("text", ["1000000d", "9" * 30 + "d", "9" * 400 + "h", "1969-12-31T00:00:00+00:00"])
def test_an_age_beyond_1970_is_1970_and_can_be_asked_for(connection: sqlite3.Connection, text: str) -> None:
    since_ms = parse_since(text, 1_790_000_000.0)

    assert since_ms == 0
    assert read(connection, Wanted(since_ms=since_ms))


def test_an_age_and_an_iso_time_are_understood() -> None:
    assert parse_since("90s", 1000.0) == 910_000
    assert parse_since("1.5h", 10_000.0) == 4_600_000
    assert parse_since("1970-01-01T00:01:00+00:00", 0) == 60_000
    with pytest.raises(ValueError, match="yesterday"):
        parse_since("yesterday", 0)


def test_a_line_says_who_direction_type_and_payload() -> None:
    line = describe(Row(1, 1500, "pan-tilt", "pico", "192.0.2.7", "<", "log", "x" * 300))

    assert line.endswith(f".500 pan-tilt < log {'x' * 200}…")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darvaz", "log", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_shows_lines_and_json(connection: sqlite3.Connection, tmp_path: Path) -> None:
    lines = run("--data", str(tmp_path), "--device", "a")
    objects = run("--data", str(tmp_path), "--type", "frame", "--json")

    assert [line.split(" ", 2)[2] for line in lines.stdout.splitlines()] == ["a < log one", "a > ping three"]
    assert json.loads(objects.stdout)["payload"] == "two"


def test_following_shows_what_comes_and_ends_quietly_at_ctrl_c(connection: sqlite3.Connection, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "darvaz", "log", "--follow", "--data", str(tmp_path), "--device", "a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        assert "one" in process.stdout.readline()
        assert "three" in process.stdout.readline()
        add(connection, 4000, "a", "pico", "<", "log", "four")
        assert "four" in process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_a_missing_journal_and_a_wrong_age_are_sentences(tmp_path: Path) -> None:
    missing = run("--data", str(tmp_path / "nowhere"))
    wrong = run("--since", "yesterday")

    assert (missing.returncode, wrong.returncode) == (1, 2)
    assert "--data" in missing.stderr
    assert "10m" in wrong.stderr
    assert not (tmp_path / "nowhere").exists()
