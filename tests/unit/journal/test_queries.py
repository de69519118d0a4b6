"""Reading the journal, as rows and on the command line."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from darvaz.cli import cli
from darvaz.gateway.journal.batches import EntryGroup, insert_batch, next_id
from darvaz.gateway.journal.export_lines import read_piece
from darvaz.gateway.journal.queries import ROWS_MAX, JournalFilter, Row, describe, parse_since, read
from darvaz.gateway.storage.database import open_database


@pytest.fixture(params=[1, 2, 3])
def batch_rows(request: pytest.FixtureRequest) -> int:
    """How many rows lie in one batch, which makes no difference to what is read."""
    return int(request.param)


@pytest.fixture
def connection(tmp_path: Path, batch_rows: int) -> Iterator[sqlite3.Connection]:
    rows = [
        group(1000, "a", "pico", ("<", "log", "one")),
        group(2000, "b", "esp32cam", ("<", "frame", "two")),
        group(3000, "a", "pico", (">", "ping", "three")),
    ]
    with closing(open_database(tmp_path)) as made:
        for start in range(0, len(rows), batch_rows):
            add(made, *rows[start : start + batch_rows])
        yield made


def group(time_ms: int, device: str | None, kind: str, *entries: tuple[str, str, str]) -> EntryGroup:
    return time_ms, device, kind, "192.0.2.7", list(entries)


def add(connection: sqlite3.Connection, *groups: EntryGroup) -> None:
    insert_batch(connection, next_id(connection), list(groups), str)


@pytest.mark.parametrize(
    ("wanted", "payloads"),
    [
        (JournalFilter(), ["one", "two", "three"]),
        (JournalFilter(device="a"), ["one", "three"]),
        (JournalFilter(kind="esp32cam"), ["two"]),
        (JournalFilter(type="ping"), ["three"]),
        (JournalFilter(direction="<"), ["one", "two"]),
        (JournalFilter(since_ms=2000), ["two", "three"]),
        (JournalFilter(until_ms=2000), ["one"]),
        (JournalFilter(after_id=2), ["three"]),
        (JournalFilter(device="a", direction="<"), ["one"]),
    ],
)
def test_rows_are_found_by_their_fields(
    connection: sqlite3.Connection, wanted: JournalFilter, payloads: list[str]
) -> None:
    assert [row.payload for row in read(connection, wanted)] == payloads


def test_a_limit_takes_the_newest_or_the_oldest_in_order_of_time(connection: sqlite3.Connection) -> None:
    assert [row.payload for row in read(connection, JournalFilter(), 2)] == ["two", "three"]
    assert [row.payload for row in read(connection, JournalFilter(), 2, newest=False)] == ["one", "two"]


def test_a_limit_has_a_maximum(connection: sqlite3.Connection) -> None:
    for _ in range(ROWS_MAX // 1000 + 1):
        add(connection, group(4000, "c", "pico", *[("<", "log", "")] * 1000))

    assert len(read(connection, JournalFilter(), ROWS_MAX + 1)) == ROWS_MAX


@pytest.mark.parametrize("text", ["1000000d", "9" * 30 + "d", "9" * 400 + "h", "1969-12-31T00:00:00+00:00"])
def test_an_age_beyond_1970_is_taken_as_1970(connection: sqlite3.Connection, text: str) -> None:
    since_ms = parse_since(text, 1_790_000_000.0)

    assert since_ms == 0
    assert read(connection, JournalFilter(since_ms=since_ms))


def test_entries_recorded_together_are_read_row_by_row_in_order(connection: sqlite3.Connection) -> None:
    add(connection, group(4000, "c", "pico", ("<", "ping", "1"), (">", "pong", "2")), group(4000, "c", "pico"))
    add(connection, group(4001, "c", "pico", ("<", "log", "3")))

    found = read(connection, JournalFilter(device="c"))

    assert [(row.id, row.direction, row.payload) for row in found] == [(4, "<", "1"), (5, ">", "2"), (6, "<", "3")]
    assert [row.payload for row in read(connection, JournalFilter(after_id=4))] == ["2", "3"]


def test_other_programs_see_the_same_rows(connection: sqlite3.Connection) -> None:
    add(connection, group(4000, "c", "pico", *(("<", "log", str(number)) for number in range(12))))
    seen = connection.execute("SELECT * FROM journal ORDER BY id").fetchall()

    assert seen == [
        tuple(getattr(row, name) for name in row.__struct_fields__[:-1]) for row in read(connection, JournalFilter())
    ]


def test_names_with_quotes_and_any_characters_are_found(connection: sqlite3.Connection) -> None:
    names = ['say "hi"', "سلام", "back\\slash", "a'b", "🚪", "a"]
    add(connection, *(group(4000, name, "pico", ("<", "log", name)) for name in names))

    for name in names:
        assert [row.payload for row in read(connection, JournalFilter(device=name, since_ms=4000))] == [name]


@pytest.mark.parametrize(
    "wanted", [JournalFilter(since_ms=5), JournalFilter(after_id=5), JournalFilter(since_ms=5, device="a")]
)
def test_new_rows_are_found_without_reading_the_old(connection: sqlite3.Connection, wanted: JournalFilter) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    read(connection, wanted)
    connection.set_trace_callback(None)

    plan = [detail for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]

    assert "USING INTEGER PRIMARY KEY" in plan[0]
    assert not any(detail.startswith("SCAN journal_batches") and "INDEX" not in detail for detail in plan)


def test_an_age_and_an_iso_time_are_understood() -> None:
    assert parse_since("90s", 1000.0) == 910_000
    assert parse_since("1.5h", 10_000.0) == 4_600_000
    assert parse_since("1970-01-01T00:01:00+00:00", 0) == 60_000
    with pytest.raises(ValueError, match="yesterday"):
        parse_since("yesterday", 0)


def test_a_line_has_device_direction_type_and_payload() -> None:
    line = describe(Row(1, 1500, "pan-tilt", "pico", "192.0.2.7", "<", "log", "x" * 300, 1500))

    assert line.endswith(f".500 pan-tilt < log {'x' * 200}…")


def test_a_line_of_what_waited_a_second_tells_when_it_happened() -> None:
    prompt, late = (Row(1, 5000, "pico", "pico", "", "<", "log", "x", happened_ms) for happened_ms in (4001, 4000))

    assert "happened" not in describe(prompt)
    assert describe(late).endswith(":04.000)")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["log", *arguments], prog_name="darvaz")


def test_the_command_shows_lines_and_json(connection: sqlite3.Connection, tmp_path: Path) -> None:
    lines = run("--data", str(tmp_path), "--device", "a")
    objects = run("--data", str(tmp_path), "--type", "frame", "--json")

    assert [line.split(" ", 2)[2] for line in lines.stdout.splitlines()] == ["a < log one", "a > ping three"]
    assert json.loads(objects.stdout)["payload"] == "two"


@pytest.mark.slow
def test_following_shows_what_comes_and_ends_quietly_at_ctrl_c(connection: sqlite3.Connection, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "darvaz", "log", "--follow", "--data", str(tmp_path), "--device", "a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        assert "one" in process.stdout.readline()
        assert "three" in process.stdout.readline()
        add(connection, group(4000, "a", "pico", ("<", "log", "four")))
        assert "four" in process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_a_missing_journal_and_a_wrong_age_are_explained(tmp_path: Path) -> None:
    missing = run("--data", str(tmp_path / "nowhere"))
    wrong = run("--data", str(tmp_path), "--since", "yesterday")

    assert (missing.exit_code, wrong.exit_code) == (1, 2)
    assert "--data" in missing.stderr
    assert "10m" in wrong.stderr
    assert not (tmp_path / "nowhere").exists()


def test_stretches_of_a_journal_are_read_to_its_end_with_each_row_once(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.journal.queries.STRETCH_ENTRIES", 1)
    found: list[str] = []
    after_id: int | None = 0
    while after_id is not None:
        wanted = JournalFilter(device="a", after_id=after_id)
        text, after_id = read_piece(connection, wanted, "jsonl")
        found += [json.loads(line)["payload"] for line in text.splitlines()]

    assert found == ["one", "three"]
