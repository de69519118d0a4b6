"""The history is damaged while the gateway runs: boards are served, plots go on, and everybody is told."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing

from websockets.sync.client import connect

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
