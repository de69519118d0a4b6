"""`darvaz upgrade-check` on data of earlier, same and newer versions, with and without backup and space."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from darvaz.cli import cli
from darvaz.gateway.storage.backup import make_backup
from darvaz.gateway.storage.database import DATABASE_NAME, open_database
from darvaz.gateway.storage.folder_lock import FolderLock
from darvaz.gateway.storage.schema import MIGRATIONS
from darvaz.gateway.telemetry.history_schema import open_history


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data of a gateway of this version."""
    folder = tmp_path / "data"
    open_database(folder).close()
    open_history(folder).close()
    return folder


def set_version(data: Path, version: int) -> None:
    with closing(sqlite3.connect(data / DATABASE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


def check(data: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["upgrade-check", "--data", str(data), *arguments])
    return result.exit_code, result.output


def answered(data: Path, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(check(data, "--json", *arguments)[1])
    return answer


def back_up(data: Path) -> Path:
    file = data.parent / "backup.tar"
    make_backup(data, file, darvaz="0.1.0", made_s=time.time())
    return file


def test_without_a_backup_the_way_back_is_missing(data: Path) -> None:
    status, shown = check(data)

    assert status == 1
    assert f"Missing: a backup beside the data or named with --backup: darvaz backup FILE.tar --data {data}" in shown


def test_data_of_this_version_with_a_backup_is_ready_and_stays(data: Path) -> None:
    back_up(data)

    status, shown = check(data)

    assert status == 0
    assert "darvaz.sqlite3" in shown and "stays" in shown and shown.endswith("Ready.\n")


def test_earlier_data_changes_and_nothing_is_changed_by_looking(data: Path) -> None:
    set_version(data, len(MIGRATIONS) - 2)
    backup = back_up(data)

    answer = answered(data, "--backup", str(backup))

    assert answer["databases"][0] | {"size_bytes": 0} == {
        "name": DATABASE_NAME,
        "version": len(MIGRATIONS) - 2,
        "newest": len(MIGRATIONS),
        "size_bytes": 0,
        "steps": 2,
    }
    assert answer["missing"] == [] and answer["can_go_back"] is True
    assert answered(data)["databases"] == answer["databases"]


def test_newer_data_needs_a_newer_darvaz(data: Path) -> None:
    back_up(data)
    set_version(data, len(MIGRATIONS) + 1)

    status, shown = check(data)

    assert status == 1
    assert "A newer one wrote this data" in shown


def test_a_backup_of_other_tables_does_not_count(data: Path) -> None:
    back_up(data)
    set_version(data, len(MIGRATIONS) - 1)

    status, shown = check(data)

    assert status == 1
    assert "is of another version" in shown


def test_a_full_disk_is_told_before_the_upgrade(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    set_version(data, len(MIGRATIONS) - 1)
    back_up(data)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(1_000))

    assert any("Missing: free space" in sentence for sentence in answered(data)["missing"])


def test_a_gateway_that_uses_the_data_is_named(data: Path) -> None:
    lock = FolderLock.take(data)

    assert lock is not None
    assert answered(data)["used_by"] not in (None, "unknown")
    lock.release()
    assert answered(data)["used_by"] is None


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 2_048])
def test_a_file_that_is_not_a_backup_does_not_count(data: Path, content: bytes) -> None:
    (data.parent / "backup.tar").write_bytes(content)

    assert answered(data)["backup"] is None


def test_a_folder_without_data_is_a_sentence(tmp_path: Path) -> None:
    status, shown = check(tmp_path)

    assert status == 1
    assert "has no data of Darvaz" in shown
    assert list(tmp_path.iterdir()) == []
