"""Another program holds the database for writing: boards are answered and let in, changes wait, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support import journalled
from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

HELD_S = 15.0
BOARDS = 20
PONG_P99_S = 0.05
EXTERNAL = {"X-Forwarded-For": "203.0.113.9"}


def held(data: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(data / "darvaz.sqlite3", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


async def introduced(gateway: GatewayProcess, token: str, device: str) -> ClientConnection:
    board = await connect(f"{gateway.ws_url}/ws/pico", additional_headers={"Authorization": f"Bearer {token}"})
    await board.send(json.dumps({"type": "connect", "device": device}))
    assert json.loads(await board.recv())["type"] == "connection_ack"
    return board


async def talk(board: ClientConnection, until_s: float, pongs_s: list[float]) -> int:
    """Sends a log line and a ping again and again, notes how long each pong took, and returns how many lines."""
    lines = 0
    while time.monotonic() < until_s:
        await board.send(json.dumps({"type": "log", "message": f"line {lines}"}))
        lines += 1
        start_s = time.monotonic()
        await board.send('{"type":"ping"}')
        assert json.loads(await board.recv())["type"] == "pong"
        pongs_s.append(time.monotonic() - start_s)
        # All entries fit into one answer of the journal.
        await asyncio.sleep(0.2)
    return lines


@pytest.mark.slow
def test_a_lock_of_fifteen_seconds_delays_no_pong_and_loses_nothing() -> None:
    async def main(gateway: GatewayProcess) -> int:
        tokens = [gateway.token() for _ in range(BOARDS)]
        boards = [await introduced(gateway, token, f"b{n}") for n, token in enumerate(tokens[: BOARDS // 2])]
        pongs_s: list[float] = []
        with closing(held(gateway.data)):
            until_s = time.monotonic() + HELD_S
            boards += [await introduced(gateway, token, f"n{n}") for n, token in enumerate(tokens[BOARDS // 2 :])]
            lines = await asyncio.gather(*(talk(board, until_s, pongs_s) for board in boards))
        assert statistics.quantiles(pongs_s, n=100)[98] < PONG_P99_S
        for board in boards:
            await board.close()
        return sum(lines)

    with GatewayProcess() as gateway:
        lines = asyncio.run(main(gateway))
        assert gateway.stop() == 0

        assert len([line for line in journalled.lines(gateway.data) if line.type == "log"]) == lines


def test_a_change_while_the_database_is_held_is_answered_once_it_is_stored_or_not_with_success() -> None:
    with GatewayProcess() as gateway:
        token = gateway.post("/api/tokens", json={"kind": "operator"}).json()
        bearer = {"Authorization": f"Bearer {token['token']}", **EXTERNAL}
        assert gateway.get("/api/tokens", headers=bearer).status_code == 200
        with closing(held(gateway.data)):
            answer = httpx.delete(f"{gateway.url}/api/tokens/{token['id']}", trust_env=False, timeout=30)

            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert gateway.get("/api/tokens", headers=bearer).status_code == 401
        assert gateway.stop() == 0

        with closing(sqlite3.connect(gateway.data / "darvaz.sqlite3")) as disk:
            revoked = disk.execute("SELECT revoked_s FROM tokens WHERE id = ?", (token["id"],)).fetchone()
        assert revoked[0] is not None


def test_a_token_counts_as_soon_as_the_command_that_issued_it_ends() -> None:
    with GatewayProcess() as gateway:
        token = run_darvaz("token", "issue", "operator", "--data", str(gateway.data)).stdout.strip()

        answer = gateway.get("/api/tokens", headers={"Authorization": f"Bearer {token}", **EXTERNAL})
        assert answer.status_code == 200
