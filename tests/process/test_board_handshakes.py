"""A board's plain handshake, which is answered at once, has the answer of one that the application answers."""

from __future__ import annotations

import json

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.rawsocket import RawSocket, text

WRONG = "dvz_aaaaaaaaaa_" + "A" * 43
# A header that is left to the HTTP parser, and so to the application.
PARSED = "HTTP2-Settings: x\r\n"
BEARER = "Authorization: Bearer {token}\r\n"


@pytest.fixture(scope="module")
def token(gateway: GatewayProcess) -> str:
    return gateway.token("pico")


def lines_of(client: RawSocket) -> list[str]:
    """Returns the head of the answer without what is another each time."""
    return [line for line in client.head.split("\r\n") if not line.startswith("date:")]


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("/ws/pico", BEARER, 101),
        ("/ws/pico?x=1", BEARER, 101),
        ("/ws/%70ico", BEARER, 101),
        ("/ws/pico", "", 101),
        ("/ws/pico", BEARER + "X-Forwarded-For: 192.0.2.7\r\n", 101),
        ("/ws/pico", f"Authorization: Bearer {WRONG}\r\n", 401),
        ("/ws/esp32cam", BEARER, 401),
        (f"/ws/pico?token={WRONG}", "", 401),
        ("/ws/pico", BEARER + "Origin: https://attacker.example\r\n", 403),
        ("/ws/pico", BEARER + "Sec-WebSocket-Protocol: a, b\r\n", 101),
        ("/ws/pic", BEARER, 404),
        ("/ws/pico/", BEARER, 404),
    ],
)
def test_a_plain_handshake_has_the_answer_of_the_application(
    gateway: GatewayProcess, token: str, path: str, more: str, status: int
) -> None:
    headers = more.format(token=token)

    with RawSocket(gateway.port, path, headers) as plain, RawSocket(gateway.port, path, headers + PARSED) as parsed:
        assert plain.status == parsed.status == status
        assert lines_of(plain) == lines_of(parsed)
        assert status == 101 or json.loads(plain.read_rest()) == json.loads(parsed.read_rest())


def test_a_board_that_was_let_in_at_once_is_introduced(gateway: GatewayProcess, token: str) -> None:
    with RawSocket(gateway.port, "/ws/pico", BEARER.format(token=token)) as board:
        board.send(text('{"type":"connect","device":"at_once"}'))

        assert json.loads(board.receive()[1])["type"] == "connection_ack"
        assert gateway.get("/api/devices/at_once").json()["online"]
