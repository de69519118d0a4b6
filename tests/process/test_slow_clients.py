"""Clients that take their time, or all the room: cut off at a deadline or a maximum, and boards do not notice."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from darvaz.gateway.http.slow_clients import PENDING_PER_NETWORK_MAX
from tests.support.gateway import GatewayProcess

DEADLINE_S = 20.0
HASTE = {"DARVAZ_AUTH_DEADLINE_S": "0.5", "DARVAZ_LINKS_PER_ADDRESS_MAX": "4", "DARVAZ_LINKS_MAX": "6"}
# All of 127.0.0.0/8 is this machine: another place, as far as limits go.
ELSEWHERE = "127.0.0.2"
WHOLE = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UPGRADE = (
    b"GET /ws/pico HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env=HASTE) as running:
        yield running


@contextlib.contextmanager
def dialled(gateway: GatewayProcess, said: bytes = b"", address: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", gateway.port), DEADLINE_S, (address, 0)) as link:
        link.sendall(said)
        yield link


def is_cut_off(link: socket.socket) -> bool:
    """Waits until the other end hangs up; fails if it never does."""
    with contextlib.suppress(ConnectionError):
        while link.recv(4096):
            pass
    return True


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /ws/pi", WHOLE[:-2], UPGRADE[:-2], WHOLE + b"GET /hea"],
    ids=["silence", "line", "head", "upgrade", "next"],
)
def test_a_request_that_never_becomes_whole_is_cut_off(gateway: GatewayProcess, said: bytes) -> None:
    with dialled(gateway, said) as link:
        assert is_cut_off(link)


def test_a_request_that_trickles_is_cut_off(gateway: GatewayProcess) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    with dialled(gateway, WHOLE[:-2]) as link, pytest.raises(ConnectionError):
        while time.monotonic() < deadline_s:
            link.sendall(b"X-More: a\r\n")
            time.sleep(0.05)


@pytest.mark.parametrize("size", [1, 20, len(UPGRADE) - 1])
def test_a_request_to_upgrade_in_two_pieces_is_a_request(gateway: GatewayProcess, size: int) -> None:
    with dialled(gateway, UPGRADE[:size]) as link:
        time.sleep(0.1)
        link.sendall(UPGRADE[size:])

        assert link.recv(4096).startswith(b"HTTP/1.1 101 ")


def test_connections_that_say_nothing_do_not_hold_up_the_end() -> None:
    with GatewayProcess() as gateway, dialled(gateway) as silent, dialled(gateway, b"G") as slow:
        assert gateway.stop() == 0

        assert is_cut_off(silent)
        assert is_cut_off(slow)


def test_a_body_that_trickles_after_its_refusal_is_cut_off(gateway: GatewayProcess) -> None:
    head = b"POST /api/devices/d/commands/c HTTP/1.1\r\nHost: x.example\r\nContent-Length: 9999\r\n\r\n"
    deadline_s = time.monotonic() + DEADLINE_S
    with dialled(gateway, head) as link, pytest.raises(ConnectionError):
        while time.monotonic() < deadline_s:
            link.sendall(b" ")
            time.sleep(0.05)


def test_a_board_outlives_the_deadline_of_its_request(gateway: GatewayProcess) -> None:
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        time.sleep(1.5)
        board.send('{"type":"ping"}')

        assert '"pong"' in str(board.recv(timeout=DEADLINE_S))


def test_a_handshake_behind_another_request_outlives_the_deadline_too(gateway: GatewayProcess) -> None:
    with dialled(gateway, WHOLE + UPGRADE) as link:
        time.sleep(1.5)
        # A ping of the WebSocket's own, with an empty mask.
        link.sendall(b"\x89\x80\x00\x00\x00\x00")

        heard = b""
        while b"\x8a\x00" not in heard:
            more = link.recv(4096)
            assert more, heard
            heard += more


def test_silent_connections_beyond_the_most_of_one_address_are_cut_off_and_others_served() -> None:
    with GatewayProcess() as gateway, contextlib.ExitStack() as held:
        silent = [held.enter_context(dialled(gateway, b"GET /", ELSEWHERE)) for _ in range(PENDING_PER_NETWORK_MAX)]
        one_more = held.enter_context(dialled(gateway, b"", ELSEWHERE))

        assert is_cut_off(one_more)
        with connect(f"{gateway.ws_url}/ws/pico") as board:
            board.send('{"type":"connect","device":"unharmed"}')
            assert "connection_ack" in str(board.recv(timeout=DEADLINE_S))
        silent[0].sendall(b"health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert silent[0].recv(4096).startswith(b"HTTP/1.1 200")
        assert gateway.log_text().count("too many connections that send no request") == 1


def test_a_link_beyond_the_most_in_all_is_refused_whatever_its_address(gateway: GatewayProcess) -> None:
    with contextlib.ExitStack() as held:
        for number in range(6):
            host = "127.0.0.1" if number < 4 else ELSEWHERE
            held.enter_context(connect(f"{gateway.ws_url}/ws/pico", source_address=(host, 0)))

        with (
            pytest.raises(InvalidStatus) as refused,
            connect(f"{gateway.ws_url}/ws/pico", source_address=(ELSEWHERE, 0)),
        ):
            pass

    assert refused.value.response.status_code == 503
    assert b"the limit of links is reached" in (refused.value.response.body or b"")
    assert refused.value.response.headers["Retry-After"]


def test_the_gateway_takes_as_many_open_files_as_its_links_need() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with GatewayProcess("--links-max", "500", prefix=["prlimit", f"--nofile=256:{hard}"]) as gateway:
        soft = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)[0]

    assert soft > 500
