"""Full disks, files that may not grow, folders without write permission: a clear message, and no data is lost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from darvaz.gateway.access import Access, AccessPolicy, Admitted, Caller
from darvaz.gateway.storage.database import open_database
from tests.support import disks, journalled
from tests.support.gateway import GatewayProcess

DEADLINE_S = 30.0
EXTERNAL = {"X-Forwarded-For": "203.0.113.9"}
SIZE_BYTES = 2 * 1024 * 1024


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not become true"
        time.sleep(0.05)


def health(gateway: GatewayProcess) -> tuple[int, str]:
    """Returns the status of /health, and what is wrong, "ok" if nothing is."""
    response = gateway.get("/health")
    return response.status_code, "; ".join(response.json()["problems"]) or "ok"


def introduce(board: ClientConnection, device: str) -> str:
    board.send(json.dumps({"type": "connect", "device": device}))
    answer: str = json.loads(board.recv(timeout=DEADLINE_S))["type"]
    return answer


def send_lines(board: ClientConnection, count: int, noise: bool = False) -> None:
    """Sends log lines and a ping; the pong proves that they were received. Noise cannot be compressed."""
    for number in range(count):
        text = os.urandom(1500).hex() if noise else "x" * 3000
        board.send(json.dumps({"type": "log", "message": f"line {number} {text}"}))
    board.send('{"type":"ping"}')
    assert json.loads(board.recv(timeout=DEADLINE_S))["type"] == "pong"


def read_journal(gateway: GatewayProcess, disk: disks.SmallDisk) -> list[str]:
    """Returns the payloads of the log messages in the journal."""
    verb = [
        sys.executable,
        "-m",
        "darvaz",
        "log",
        "--json",
        "--type",
        "log",
        "--limit",
        "1000",
        "--data",
        str(gateway.data),
    ]
    command = [*disk.entered(gateway.process.pid), *verb, "--data", str(gateway.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    return [json.loads(line)["payload"] for line in done.stdout.splitlines()]


def line_numbers(payloads: list[str]) -> list[int]:
    return [int(payload.split("line ")[1].split()[0]) for payload in payloads]


def serve(data: Path, *prefix: str) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "darvaz", "serve", "--port", "0", "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)


def test_a_full_disk_stops_no_board_and_every_received_message_is_kept(tmp_path: Path) -> None:
    disk = disks.small_disk(tmp_path / "disk", SIZE_BYTES)
    with GatewayProcess(data=disk.path / "data", prefix=disk.prefix) as gateway:
        bearer = {"Authorization": f"Bearer {gateway.token()}", **EXTERNAL}
        with connect(f"{gateway.ws_url}/ws/pico", additional_headers=bearer) as board:
            assert introduce(board, "on-a-full-disk") == "connection_ack"
            with disk.filled(gateway.process.pid):
                # More than what the record log has on the disk already.
                send_lines(board, 400, noise=True)
                wait_until(lambda: "record log" in health(gateway)[1])

                status, text = health(gateway)
                assert (status, "free the disk" in text) == (503, True)
                assert gateway.get("/public/tokens").status_code == 503
                with connect(f"{gateway.ws_url}/ws/pico") as other:
                    assert introduce(other, "newcomer") == "connection_ack"
            wait_until(lambda: health(gateway) == (200, "ok"))
            send_lines(board, 1)
            wait_until(lambda: len(line_numbers(read_journal(gateway, disk))) == 401)

        assert line_numbers(read_journal(gateway, disk)) == [*range(400), 0]
        assert gateway.get("/public/tokens").status_code == 200
        assert [device["id"] for device in gateway.get("/api/devices").json()["devices"]] == [
            "newcomer",
            "on-a-full-disk",
        ]
        assert "Traceback" not in gateway.log_text()


def test_files_that_may_not_grow_lose_nothing_that_was_acknowledged() -> None:
    with GatewayProcess(prefix=disks.limited_files(10_000_000)) as gateway:
        token = gateway.token()
        disks.limit_files(gateway.process.pid, 300_000)
        with connect(f"{gateway.ws_url}/ws/pico") as board:
            introduce(board, "confined")
            send_lines(board, 400, noise=True)
            wait_until(lambda: health(gateway)[0] == 503)
            disks.lift_limit(gateway.process.pid)
            wait_until(lambda: health(gateway) == (200, "ok"))
        assert gateway.stop() == 0

        lines = [line.payload or "" for line in journalled.lines(gateway.data) if line.type == "log"]
        assert line_numbers(lines) == list(range(400))
        access = Access(open_database(gateway.data), AccessPolicy())
        assert isinstance(access.admit_with_token(Caller("203.0.113.9"), "pico", token), Admitted)
        access.close()


def test_a_stop_that_cannot_write_says_what_is_missing_and_fails() -> None:
    with GatewayProcess(prefix=disks.limited_files(10_000_000)) as gateway:
        with connect(f"{gateway.ws_url}/ws/pico") as board:
            introduce(board, "confined")
            disks.limit_files(gateway.process.pid, 300_000)
            send_lines(board, 400, noise=True)

        assert gateway.stop() == 1
        assert re.search(r"the disk did not take everything: \d+ entries of the journal", gateway.log_text())


def test_a_disk_that_is_full_at_the_start_ends_it_with_a_message(tmp_path: Path) -> None:
    disk = disks.small_disk(tmp_path / "disk", 16_384)

    refused = serve(disk.path / "data", *disk.prefix)

    assert refused.returncode == 1
    assert "is full: free some space" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def test_a_data_folder_without_write_permission_ends_it_with_a_message(closed_folder: Path) -> None:
    refused = serve(closed_folder, *disks.obeying_modes())

    assert refused.returncode == 1
    assert f"{closed_folder} cannot be written: give this user the right to" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("verb", [("token", "list"), ("enrol",), ("log",)], ids=lambda verb: " ".join(verb))
def test_commands_without_write_permission_say_so(tmp_path: Path, verb: tuple[str, ...]) -> None:
    open_database(tmp_path).close()
    file = tmp_path / "darvaz.sqlite3"
    file.chmod(0o400)
    tmp_path.chmod(0o555)

    command = [*disks.obeying_modes(), sys.executable, "-m", "darvaz", *verb, "--data", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
    tmp_path.chmod(0o755)

    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_of_a_newer_darvaz_is_refused_with_a_message(tmp_path: Path) -> None:
    connection = open_database(tmp_path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = os.stat(tmp_path / "darvaz.sqlite3").st_mtime_ns

    refused = serve(tmp_path)

    assert refused.returncode == 1
    assert "written by a newer Darvaz: update this one, or use --data" in refused.stderr
    assert os.stat(tmp_path / "darvaz.sqlite3").st_mtime_ns == before
