"""A backup of a gateway that runs, and what it gives back: nothing is missing, nothing may be misused."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from darvaz.cli import cli
from darvaz.gateway.app import build_parts
from darvaz.gateway.journal.flush import wait_until_written
from darvaz.gateway.settings import Settings
from darvaz.gateway.storage.backup import make_backup
from darvaz.gateway.storage.backup_format import LIST_NAME, BackupFile, BackupList
from darvaz.gateway.storage.database import StorageError
from darvaz.gateway.storage.folder_lock import FolderLock
from tests.support.app import WRITTEN_DEADLINE_S, RunningApp
from tests.support.board import board_at
from tests.support.journalled import lines

EXTERNAL = "203.0.113.9"


def run(*arguments: str | Path) -> Result:
    return CliRunner(env={"DARVAZ_DATA": None}).invoke(cli, [str(argument) for argument in arguments])


def made(folder: Path, text: str = "kept") -> Path:
    """Makes a small data folder, and a backup of it, which it returns."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "darvaz.sqlite3")) as connection:
        connection.execute("CREATE TABLE notes (text)")
        connection.execute("INSERT INTO notes VALUES (?)", (text,))
        connection.commit()
    file = folder.with_suffix(".tar")
    assert run("backup", file, "--data", folder).exit_code == 0
    return file


def note_in(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "darvaz.sqlite3")) as connection:
        return str(connection.execute("SELECT text FROM notes").fetchone()[0])


def modes_in(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


async def test_a_running_gateway_is_back_with_all_it_had(tmp_path: Path) -> None:
    async with RunningApp(camera_ring_frames=3) as gateway:
        token = (await gateway.post("/api/tokens", json={"kind": "operator"})).json()["token"]
        async with board_at(gateway, "pico", boot_id="b1") as board:
            await board.send("log", message="kept", seq=0)
            await board.send("telemetry", values={"t": 21.5}, seq=1)
            await board.send("ping")
            await board.receive("pong")
        assert await gateway.parts.store(WRITTEN_DEADLINE_S)
        frame = gateway.data / "frames" / "cam" / "1.jpg"
        frame.parent.mkdir(parents=True)
        frame.write_bytes(b"\xff\xd8\xff\xd9")
        result = await gateway.run_cli("backup", str(tmp_path / "all.tar"))
        await gateway.ask("PATCH", "/api/devices/pico", json={"label": "too late"})
    assert result.exit_code == 0, result.output

    async with RunningApp() as other:
        await other.stop()
        restored = await other.run_cli("restore", str(tmp_path / "all.tar"), "--force")
        assert restored.exit_code == 0, restored.output
        await other.start()

        [device] = (await other.get("/api/devices")).json()["devices"]
        assert (device["id"], device["label"]) == ("pico", None)
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await other.ask("GET", "/api/tokens", EXTERNAL, headers=bearer)).status_code == 200
        assert [json.loads(line.payload or "")["message"] for line in await other.journal(type="log")] == ["kept"]
        plot = await other.get("/api/devices/pico/telemetry/t", params={"from": -60, "to": 0})
        assert [point[1] for point in plot.json()["points"]] == [21.5]
        assert (other.data / "frames" / "cam" / "1.jpg").read_bytes() == b"\xff\xd8\xff\xd9"
        assert modes_in(other.data) == {0o600}


async def test_backups_while_a_board_counts_have_every_number_up_to_a_later_one(tmp_path: Path) -> None:
    confirmed = []
    async with RunningApp(messages_per_s_max=100_000) as gateway, board_at(gateway, "pico", boot_id="b1") as board:
        number = 0
        for copy in range(3):
            for _ in range(300):
                await board.send("log", message="kept", seq=number)
                number += 1
            # Some are in the database, the others in the record log.
            assert copy % 2 or await wait_until_written(gateway.parts.journal, WRITTEN_DEADLINE_S)
            assert await gateway.parts.recorder.wait_until_durable(WRITTEN_DEADLINE_S)
            confirmed.append(number)
            making = asyncio.create_task(
                asyncio.to_thread(make_backup, gateway.data, tmp_path / f"{copy}.tar", darvaz="0", made_s=0.0)
            )
            while not making.done():
                await board.send("log", message="kept", seq=number)
                number += 1
                await asyncio.sleep(0)
            await making

    for copy, least in enumerate(confirmed):
        assert run("restore", tmp_path / f"{copy}.tar", "--data", tmp_path / f"{copy}").exit_code == 0
        found = [json.loads(line.payload or "")["seq"] for line in lines(tmp_path / f"{copy}") if line.type == "log"]
        assert found == list(range(len(found)))
        assert len(found) >= least


async def test_what_belongs_to_the_process_is_left_out(tmp_path: Path) -> None:
    async with RunningApp() as gateway:
        (gateway.data / "local-token").write_text("secret")
        (gateway.data / "gateway.lock").write_text("1")
        (gateway.data / "history.sqlite3.damaged-20260101-000000").write_text("old")
        (gateway.data / "elsewhere").symlink_to("/etc/passwd")
        result = await gateway.run_cli("backup", str(tmp_path / "all.tar"), "--json")

    about = json.loads(result.stdout)
    assert set(about["files"]) == {"darvaz.sqlite3", "history.sqlite3", "records.log"}
    assert stat.S_IMODE((tmp_path / "all.tar").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["all.tar"]


def test_a_folder_that_a_gateway_uses_is_not_restored(tmp_path: Path) -> None:
    file = made(tmp_path / "data")
    lock = FolderLock.take(tmp_path / "data")
    assert lock is not None

    refused = run("restore", file, "--data", tmp_path / "data", "--force")
    lock.release()

    assert refused.exit_code == 1
    assert f"is used by another gateway (process {os.getpid()}): stop it" in refused.output


def test_a_folder_with_files_is_replaced_by_force_only(tmp_path: Path) -> None:
    file = made(tmp_path / "data")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").write_text("of before")

    refused = run("restore", file, "--data", tmp_path / "other")
    forced = run("restore", file, "--data", tmp_path / "other", "--force")

    assert (refused.exit_code, "is not empty" in refused.output) == (1, True)
    assert (forced.exit_code, note_in(tmp_path / "other")) == (0, "kept")
    assert not (tmp_path / "other" / "mine").exists()


def test_an_existing_file_is_replaced_by_force_only(tmp_path: Path) -> None:
    file = made(tmp_path / "data")
    before = file.read_bytes()

    refused = run("backup", file, "--data", tmp_path / "data")

    assert (refused.exit_code, "exists already" in refused.output, file.read_bytes() == before) == (1, True, True)
    assert run("backup", file, "--data", tmp_path / "data", "--force").exit_code == 0


def test_a_backup_that_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    made(tmp_path / "data").unlink()

    def interrupt(done_bytes: int, total_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_backup(tmp_path / "data", tmp_path / "second.tar", darvaz="0", made_s=0.0, progress=interrupt)

    assert os.listdir(tmp_path) == ["data"]
    assert os.listdir(tmp_path / "data") == ["darvaz.sqlite3"]


def test_a_backup_of_a_newer_darvaz_is_refused_in_words(tmp_path: Path) -> None:
    file = made(tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "darvaz.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")
    run("backup", file, "--data", tmp_path / "data", "--force")

    refused = run("restore", file, "--data", tmp_path / "new")

    assert (refused.exit_code, "of a newer Darvaz" in refused.output) == (1, True)
    assert not (tmp_path / "new").exists()


def test_a_damaged_database_is_not_backed_up(tmp_path: Path) -> None:
    made(tmp_path / "data")
    database = tmp_path / "data" / "darvaz.sqlite3"
    database.write_bytes(database.read_bytes()[:100] + os.urandom(database.stat().st_size - 100))

    refused = run("backup", tmp_path / "second.tar", "--data", tmp_path / "data")

    assert (refused.exit_code, "is damaged" in refused.output) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.tar"]


def cut(data: bytes) -> bytes:
    return data[:-12_000]


def flipped(data: bytes) -> bytes:
    at = data.index(b"kept")
    return data[:at] + b"lost" + data[at + 4 :]


def other(data: bytes) -> bytes:
    return os.urandom(len(data))


@pytest.mark.parametrize("change", [cut, flipped, other])
def test_a_backup_that_is_not_whole_changes_nothing(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    file = made(tmp_path / "data")
    file.write_bytes(change(file.read_bytes()))

    refused = run("restore", file, "--data", tmp_path / "data", "--force")

    assert (refused.exit_code, "is not a whole backup" in refused.output) == (1, True), refused.output
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["darvaz.sqlite3", "gateway.lock"]


def archive(path: Path, member: tarfile.TarInfo, content: bytes = b"") -> Path:
    """Makes a backup with one member, and a list that says it is right."""
    member.size = len(content)
    entry = BackupFile(len(content), hashlib.sha256(content).hexdigest())
    about = msgspec.json.encode(BackupList(1, "0", 0.0, {}, {member.name: entry}))
    with tarfile.open(path, "w") as tar:
        tar.addfile(member, io.BytesIO(content))
        listed = tarfile.TarInfo(LIST_NAME)
        listed.size = len(about)
        tar.addfile(listed, io.BytesIO(about))
    return path


@pytest.mark.parametrize(
    "name",
    ["../out", "/tmp/darvaz-out", "a/../../out", "./out", "a\\..\\out", "C:out", "changes.sock", "gateway.lock",
     "local-token", "records-0.log", "darvaz.sqlite3-wal", ".replaced/darvaz.sqlite3"],
)  # fmt: skip
def test_a_name_that_leaves_the_folder_or_is_not_of_a_backup_is_refused(tmp_path: Path, name: str) -> None:
    file = archive(tmp_path / "evil.tar", tarfile.TarInfo(name), b"x")

    refused = run("restore", file, "--data", tmp_path / "data")

    assert (refused.exit_code, "is not the name of a file" in refused.output) == (1, True), refused.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_only_plain_files_are_restored(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("darvaz.sqlite3")
    member.type, member.linkname = kind, "/etc/passwd"

    refused = run("restore", archive(tmp_path / "evil.tar", member), "--data", tmp_path / "data")

    assert (refused.exit_code, "more than plain files" in refused.output) == (1, True)
    assert not (tmp_path / "data").exists()


def test_a_mode_in_the_archive_counts_for_nothing(tmp_path: Path) -> None:
    member = tarfile.TarInfo("frames/cam/1.jpg")
    member.mode = 0o6777

    assert run("restore", archive(tmp_path / "wide.tar", member, b"x"), "--data", tmp_path / "data").exit_code == 0

    assert modes_in(tmp_path / "data") == {0o600}
    assert stat.S_IMODE((tmp_path / "data" / "frames").stat().st_mode) == 0o700


def test_a_gateway_does_not_start_on_half_a_restore(tmp_path: Path) -> None:
    file = made(tmp_path / "data")
    (tmp_path / "data" / ".replaced").mkdir()

    with pytest.raises(StorageError, match="was interrupted: run it again"):
        build_parts(Settings(data=str(tmp_path / "data")))
    again = run("restore", file, "--data", tmp_path / "data", "--force")

    assert (again.exit_code, note_in(tmp_path / "data")) == (0, "kept")


def test_a_restore_that_fails_at_the_end_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = made(tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "darvaz.sqlite3")) as connection:
        connection.execute("UPDATE notes SET text = 'of before'")
        connection.commit()
    rename = Path.rename

    def fail_for_new_files(path: Path, target: Path) -> Path:
        if ".restoring-" in str(path):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_new_files)
    interrupted = run("restore", file, "--data", tmp_path / "data", "--force")

    assert interrupted.exit_code == 1
    assert note_in(tmp_path / "data") == "of before"
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["darvaz.sqlite3", "gateway.lock"]


def test_a_backup_goes_through_pipes_and_a_cut_one_changes_nothing(tmp_path: Path) -> None:
    made(tmp_path / "data")
    runner = CliRunner(env={"DARVAZ_DATA": None})
    backup = runner.invoke(cli, ["backup", "-", "--data", str(tmp_path / "data")])
    back = ["restore", "-", "--data", str(tmp_path / "new")]

    cut = runner.invoke(cli, back, input=backup.stdout_bytes[: len(backup.stdout_bytes) // 4])
    assert (cut.exit_code, (tmp_path / "new").exists()) == (1, False)
    assert "not a whole backup" in cut.stderr

    whole = runner.invoke(cli, back, input=backup.stdout_bytes)
    assert (whole.exit_code, note_in(tmp_path / "new")) == (0, "kept")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["darvaz.sqlite3"]
