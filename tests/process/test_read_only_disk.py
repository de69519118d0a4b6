"""The disk becomes read-only while the gateway runs: boards are served, everybody is told, nothing goes silently."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from tests.support import disks
from tests.support.gateway import GatewayProcess

DEADLINE_S = 60.0
DISK_BYTES = 64 << 20
KEPT, LATE = 20, 15


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not become true"
        time.sleep(0.05)


def receive(board: ClientConnection, type_: str) -> None:
    while json.loads(board.recv(timeout=DEADLINE_S))["type"] != type_:
        pass


def report(board: ClientConnection, first: int, count: int) -> None:
    """Sends numbered log lines and values; the pong proves that they were received."""
    for number in range(first, first + count):
        board.send(json.dumps({"type": "log", "message": f"line {number}"}))
        board.send(json.dumps({"type": "telemetry", "values": {"count": number}}))
    board.send('{"type":"ping"}')
    receive(board, "pong")


def counts(gateway: GatewayProcess) -> list[float]:
    """Returns the readings of the history."""
    now_s = time.time()
    answer = gateway.get(f"/api/devices/kept/telemetry/count?from={now_s - 600}&to={now_s + 600}")
    return [point[1] for point in answer.json()["points"]] if answer.status_code == 200 else []


def logged(gateway: GatewayProcess) -> list[str]:
    rows = gateway.get("/api/journal?type=log&limit=1000").json()["rows"]
    return [json.loads(row["payload"])["message"] for row in rows]


def test_a_disk_that_becomes_read_only_stops_no_board_and_what_it_did_not_take_is_told(tmp_path: Path) -> None:
    disk = disks.failing_disk(tmp_path / "disk", DISK_BYTES)
    with GatewayProcess(data=disk.path / "data", prefix=disk.prefix) as gateway:
        with connect(f"{gateway.ws_url}/ws/pico") as board:
            board.send('{"type":"connect","device":"kept"}')
            receive(board, "connection_ack")
            report(board, 0, KEPT)
            wait_until(lambda: counts(gateway) == list(range(KEPT)) and len(logged(gateway)) == KEPT)

            disk.fail(gateway.process.pid)
            report(board, KEPT, LATE)
            wait_until(lambda: gateway.get("/health").status_code == 503)
            with connect(f"{gateway.ws_url}/ws/pico") as newcomer:
                newcomer.send('{"type":"connect","device":"newcomer"}')
                receive(newcomer, "connection_ack")
            report(board, KEPT + LATE, 1)
            problems = "; ".join(gateway.get("/health").json()["problems"])
        status = gateway.stop()
        log = gateway.log_text()

    assert "read-only" in problems
    assert status == 1
    assert "Traceback" not in log
    missing = re.search(r"did not take everything: \d+ entries of the journal, (\d+) reports of the history", log)
    assert missing is not None, log

    with GatewayProcess(data=disk.path / "data", prefix=disk.prefix) as gateway:
        assert gateway.get("/health").json()["problems"] == []
        with connect(f"{gateway.ws_url}/ws/pico") as board:
            board.send('{"type":"connect","device":"kept"}')
            receive(board, "connection_ack")
            report(board, 1_000, 1)
            wait_until(lambda: counts(gateway)[-1:] == [1_000] and logged(gateway)[-1:] == ["line 1000"])
            kept, lines = counts(gateway)[:-1], logged(gateway)[:-1]

    # Each is there or was told to be missing.
    assert kept == list(range(KEPT + LATE + 1 - int(missing[1])))
    assert lines == [f"line {number}" for number in range(len(lines))]
