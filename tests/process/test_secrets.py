"""Tokens: revoked while in use, and never in the journal or the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from darvaz.gateway.journal.batches import PAYLOAD_CHARS_MAX
from tests.support import journalled
from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

DEADLINE_S = 20.0
EXTERNAL = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess("--log-level", "debug") as running:
        yield running


def bearer(token: str) -> dict[str, str]:
    return {**EXTERNAL, "Authorization": f"Bearer {token}"}


def introduce(board: ClientConnection, device: str) -> None:
    board.send(json.dumps({"type": "connect", "device": device}))
    assert json.loads(board.recv(timeout=DEADLINE_S))["type"] == "connection_ack"


def send(board: ClientConnection, text: str) -> str:
    board.send(text)
    answer: str = json.loads(board.recv(timeout=DEADLINE_S))["type"]
    return answer


def test_a_token_revoked_on_the_command_line_closes_only_its_own_link(gateway: GatewayProcess) -> None:
    mine, other = gateway.token(), gateway.token()
    url = f"{gateway.ws_url}/ws/pico"
    with connect(url, additional_headers=bearer(mine)) as board, connect(url, additional_headers=bearer(other)) as kept:
        introduce(board, "revoked")
        introduce(kept, "kept")

        assert run_darvaz("token", "revoke", mine.split("_")[1], "--data", str(gateway.data)).returncode == 0

        assert json.loads(board.recv(timeout=DEADLINE_S))["code"] == "not_authorised"
        with pytest.raises(ConnectionClosed):
            board.recv(timeout=DEADLINE_S)
        assert board.close_code == 4401
        assert send(kept, '{"type":"ping"}') == "pong"
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=bearer(mine)):
        pass
    assert refused.value.response.status_code == 401


def test_a_token_sent_in_the_first_message_and_revoked_later_closes_its_link(gateway: GatewayProcess) -> None:
    token = gateway.token()
    with connect(f"{gateway.ws_url}/ws/pico", additional_headers=EXTERNAL) as board:
        board.send(json.dumps({"type": "auth", "token": token}))
        introduce(board, "first-message")

        assert run_darvaz("token", "revoke", token, "--data", str(gateway.data)).returncode == 0

        with pytest.raises(ConnectionClosed):
            while True:
                board.recv(timeout=DEADLINE_S)
        assert board.close_code == 4401


def test_a_token_is_never_in_the_journal_or_the_log(gateway: GatewayProcess) -> None:
    token = gateway.token()
    secret = token.split("_", 2)[2]
    with connect(f"{gateway.ws_url}/ws/pico", additional_headers=EXTERNAL) as board:
        board.send(json.dumps({"type": "auth", "token": token}))
        introduce(board, "leaky")
        board.send(json.dumps({"type": "log", "message": f"my token is {token}"}))
        board.send(json.dumps({"type": "telemetry", "values": {"token": token}}))
        board.send(json.dumps({"type": "ack", "id": 1, "result": {"deep": [token]}}))
        assert send(board, f'{{"type":"log","mess": "{token}"}}') == "error"
        assert send(board, f"not json {token}") == "error"
        assert send(board, json.dumps({"type": "auth", "token": token})) == "error"
        assert send(board, '{"type":"ping"}') == "pong"
        board.close(1000, f"bye {token}")

    journalled.wait_for_line(gateway.data, device="leaky", type="disconnected")
    lines = journalled.lines(gateway.data)

    assert [line for line in lines if secret in str(line)] == []
    assert any("my token is dvz_" in str(line) for line in lines)
    assert secret not in gateway.log_text()


def test_a_long_message_is_cut_in_the_journal(gateway: GatewayProcess) -> None:
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        introduce(board, "verbose")
        board.send(json.dumps({"type": "log", "message": "x" * 12_000}))
        assert send(board, '{"type":"ping"}') == "pong"

    (line,) = journalled.wait_for_line(gateway.data, device="verbose", type="log")

    assert line.payload is not None
    assert len(line.payload) == PAYLOAD_CHARS_MAX + 1 and line.payload.endswith("…")


@pytest.mark.parametrize("reason", ["\x1b[2J\n= admin connected", "\u202edettimda", "\x9b31m"])
def test_text_of_a_device_cannot_control_the_gateways_terminal(gateway: GatewayProcess, reason: str) -> None:
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        introduce(board, "hostile")
        assert send(board, f"not json {reason}") == "error"
        board.close(1000, reason)

    journalled.wait_for_line(gateway.data, device="hostile", type="disconnected")
    shown = gateway.log_text()

    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
    assert not any(line.startswith("= admin") for line in shown.splitlines())


def test_data_folder_that_was_there_is_made_private_and_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)

    with GatewayProcess(data=data) as running:
        output = running.log_text()

    assert data.stat().st_mode & 0o777 == 0o700
    assert "mode 755" in output
