"""The history is damaged or deleted while the gateway runs: boards are served, plots go on, and everybody is told."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing

from websockets.sync.client import ClientConnection, connect

from tests.support import journalled
from tests.support.gateway import GatewayProcess

DEADLINE_S = 30.0


def test_a_history_that_is_damaged_while_running_is_replaced_and_told() -> None:
    with GatewayProcess() as gateway, connect(f"{gateway.ws_url}/ws/pico") as board:
        board.send('{"type":"connect","device":"dev"}')
        assert json.loads(board.recv(timeout=DEADLINE_S))["type"] == "connection_ack"

        file = gateway.data / "history.sqlite3"
        with closing(sqlite3.connect(file)) as other:
            # Else what is in the write-ahead log hides the damage.
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.write_bytes(file.read_bytes()[:100] + os.urandom(file.stat().st_size))
        journalled.wait_for_line(gateway.data, type="history damaged")
        board.send('{"type":"telemetry","values":{"fresh":1}}')
        board.send('{"type":"ping"}')
        assert json.loads(board.recv(timeout=DEADLINE_S))["type"] == "pong"

        health = gateway.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert "history.sqlite3 was damaged" in gateway.get("/api/health").json()["history"]
        assert "history.sqlite3 was damaged" in gateway.log_text()
        plot = gateway.get(f"/api/devices/dev/telemetry/fresh?from={time.time() - 60}&to={time.time() + 60}")
        assert [point[1] for point in plot.json()["points"]] == [1.0]


def test_a_history_that_is_deleted_while_running_is_made_anew_and_told() -> None:
    with GatewayProcess() as gateway, connect(f"{gateway.ws_url}/ws/pico") as board:
        board.send('{"type":"connect","device":"dev"}')
        report(board, 1)
        for file in gateway.data.glob("history.sqlite3*"):
            file.unlink()
        report(board, 2)
        journalled.wait_for_line(gateway.data, type="history damaged")
        report(board, 3)

        health = gateway.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert "history.sqlite3 was removed" in gateway.get("/api/health").json()["history"]
        assert "history.sqlite3 was removed" in gateway.log_text()
        gateway.stop()
        gateway.start()
        # The board has introduced itself before the stop.
        plot = gateway.get(f"/api/devices/dev/telemetry/fresh?from={time.time() - 60}&to={time.time() + 60}")
        assert [point[1] for point in plot.json()["points"]][-2:] == [2.0, 3.0]
        assert (gateway.data / "history.sqlite3").exists()


def report(board: ClientConnection, value: int) -> None:
    """Sends a value; the pong proves that it was received."""
    board.send(json.dumps({"type": "telemetry", "values": {"fresh": value}}))
    board.send('{"type":"ping"}')
    while json.loads(board.recv(timeout=DEADLINE_S))["type"] != "pong":
        pass
