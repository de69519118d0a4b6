"""A change is answered, then the gateway is killed at once: after the start, the change is there."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support import journalled
from tests.support.gateway import GatewayProcess

DEADLINE_S = 15.0
# The default: nothing is on the disk by chance.
DEFAULT = {"DARVAZ_SYNC_INTERVAL_S": "10"}

Look = Callable[[GatewayProcess], bool]


def ask(gateway: GatewayProcess, method: str, path: str, body: object = None) -> httpx.Response:
    answer = httpx.request(method, gateway.url + path, json=body, trust_env=False, verify=False, timeout=DEADLINE_S)
    assert answer.is_success, answer.text
    return answer


def introduce(board: ClientConnection) -> None:
    board.send('{"type":"connect","device":"dev"}')
    assert json.loads(board.recv(timeout=DEADLINE_S))["type"] == "connection_ack"
    board.send('{"type":"telemetry","values":{"t":21.5}}')
    board.send('{"type":"ping"}')
    assert json.loads(board.recv(timeout=DEADLINE_S))["type"] == "pong"


def label(gateway: GatewayProcess) -> Look:
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        introduce(board)
        ask(gateway, "PATCH", "/api/devices/dev", {"label": "Kitchen"})
    return lambda again: again.get("/api/devices/dev").json()["label"] == "Kitchen"


def forget(gateway: GatewayProcess) -> Look:
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        introduce(board)
    ask(gateway, "DELETE", "/api/devices/dev")
    return lambda again: again.get("/api/devices/dev").status_code == 404 and count_readings(again) == 0


def issue(gateway: GatewayProcess) -> Look:
    issued = ask(gateway, "POST", "/api/tokens", {"kind": "viewer"}).json()["id"]
    return lambda again: state_of(again, issued) == "live"


def revoke(gateway: GatewayProcess) -> Look:
    issued = ask(gateway, "POST", "/api/tokens", {"kind": "viewer"}).json()["id"]
    ask(gateway, "DELETE", f"/api/tokens/{issued}")
    return lambda again: state_of(again, issued) == "revoked"


def enrol(gateway: GatewayProcess) -> Look:
    ask(gateway, "POST", "/api/enrolment", {"minutes": 100})
    return lambda again: again.get("/api/enrolment").json()["seconds_left"] > 3000


def command(gateway: GatewayProcess) -> Look:
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        introduce(board)

        def obey() -> None:
            order = json.loads(board.recv(timeout=DEADLINE_S))
            board.send(json.dumps({"type": "ack", "id": order["id"], "status": "ok"}))

        obeying = threading.Thread(target=obey)
        obeying.start()
        ask(gateway, "POST", "/api/devices/dev/commands/open_gate")
        obeying.join()
    return lambda again: any("open_gate" in (line.payload or "") for line in journalled.lines(again.data))


def count_readings(gateway: GatewayProcess) -> int:
    with closing(sqlite3.connect(gateway.data / "history.sqlite3")) as history:
        return int(history.execute("SELECT count(*) FROM readings").fetchone()[0])


def state_of(gateway: GatewayProcess, token: str) -> str:
    tokens = gateway.get("/api/tokens").json()["tokens"]
    return next(str(found["state"]) for found in tokens if found["id"] == token)


@pytest.mark.parametrize("change", [label, forget, issue, revoke, enrol, command])
def test_what_was_answered_is_there_after_a_kill(change: Callable[[GatewayProcess], Look]) -> None:
    with GatewayProcess(env=DEFAULT) as gateway:
        look = change(gateway)
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait(DEADLINE_S)

        with GatewayProcess(env=DEFAULT, data=gateway.data) as again:
            assert look(again)
