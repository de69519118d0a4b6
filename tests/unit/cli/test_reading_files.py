"""Files of readings: written in groups of bounded size, however many readings there are."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pyarrow import parquet

from darvaz.cli.reading_files import FILES, GROUP_ROWS, write_readings
from darvaz.client.readings import Readings

BLOCK = 4_096
COUNT = 40 * BLOCK


def readings() -> Iterator[Readings]:
    """Yields more readings than are held at once."""
    for start in range(0, COUNT, BLOCK):
        times = list(range(start, start + BLOCK))
        yield Readings("گلخانه", "temperature", times, [time / 8 for time in times])


def test_parquet_has_row_groups_of_bounded_size(tmp_path: Path) -> None:
    write_readings(readings(), "parquet", tmp_path / "found")
    file = parquet.ParquetFile(tmp_path / "found")
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    first = file.read_row_group(0).slice(8, 1).to_pylist()[0]

    assert sum(sizes) == COUNT and max(sizes) <= GROUP_ROWS + BLOCK and len(sizes) == 3
    assert (first["device"], first["name"], first["value"]) == ("گلخانه", "temperature", 1.0)
    assert first["time"].isoformat() == "1970-01-01T00:00:00.008000+00:00"


def test_sqlite_has_a_view_of_all_readings(tmp_path: Path) -> None:
    write_readings(readings(), "sqlite", tmp_path / "found")
    with sqlite3.connect(tmp_path / "found") as connection:
        rows = connection.execute("SELECT device, name, time, value FROM telemetry ORDER BY time").fetchall()
        check = connection.execute("PRAGMA integrity_check").fetchone()

    assert len(rows) == COUNT and check == ("ok",)
    assert rows[8] == ("گلخانه", "temperature", 0.008, 1.0)


@pytest.mark.parametrize("format_", FILES)
def test_without_readings_the_file_is_empty_but_whole(tmp_path: Path, format_: str) -> None:
    write_readings(iter([]), format_, tmp_path / "found")

    assert (tmp_path / "found").stat().st_size > 0


def test_without_its_package_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(click.ClickException, match=r"needs one more package: .*pip install .*\[parquet\]"):
        write_readings(readings(), "parquet", tmp_path / "found")
