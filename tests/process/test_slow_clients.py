"""Clients that are slow or too many: closed at a deadline or a limit, without effect on boards."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from darvaz.gateway.http.connection_slots import (
    CONNECTIONS_PER_NETWORK_MAX,
    PENDING_PER_NETWORK_MAX,
    UNREAD_PER_NETWORK_MAX,
)
from tests.support.gateway import GatewayProcess
from tests.support.webserver import wait_until

DEADLINE_S = 20.0
SHORT_DEADLINES = {"DARVAZ_AUTH_DEADLINE_S": "0.5", "DARVAZ_LINKS_PER_ADDRESS_MAX": "4", "DARVAZ_LINKS_MAX": "6"}
# All of 127.0.0.0/8 is this machine, but each address has its own limits.
OTHER_ADDRESS = "127.0.0.2"
COMPLETE = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UNREAD = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
EXPORT = b"GET /api/journal/export HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UPGRADE = (
    b"GET /ws/pico HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env=SHORT_DEADLINES) as running:
        yield running


@contextlib.contextmanager
def connected(gateway: GatewayProcess, sent: bytes = b"", address: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", gateway.port), DEADLINE_S, (address, 0)) as link:
        link.sendall(sent)
        yield link


def answer_of(link: socket.socket) -> bytes:
    """Reads one answer of `/health`, whose body is one JSON object; its head may come by itself."""
    received = b""
    while not received.endswith(b"}"):
        more = link.recv(4096)
        assert more, received
        received += more
    return received


def is_closed(link: socket.socket) -> bool:
    """Waits until the gateway closes the connection; fails if it does not."""
    with contextlib.suppress(ConnectionError):
        while link.recv(4096):
            pass
    return True


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /ws/pi", COMPLETE[:-2], UPGRADE[:-2], COMPLETE + b"GET /hea"],
    ids=["silence", "line", "head", "upgrade", "next"],
)
def test_an_incomplete_request_is_closed_at_the_deadline(gateway: GatewayProcess, sent: bytes) -> None:
    with connected(gateway, sent) as link:
        assert is_closed(link)


def test_a_request_in_small_pieces_is_closed_at_the_deadline(gateway: GatewayProcess) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    with connected(gateway, COMPLETE[:-2]) as link, pytest.raises(ConnectionError):
        while time.monotonic() < deadline_s:
            link.sendall(b"X-More: a\r\n")
            time.sleep(0.05)


@pytest.mark.parametrize("size", [1, 20, len(UPGRADE) - 1])
def test_an_upgrade_request_in_two_pieces_is_accepted(gateway: GatewayProcess, size: int) -> None:
    with connected(gateway, UPGRADE[:size]) as link:
        time.sleep(0.1)
        link.sendall(UPGRADE[size:])

        assert link.recv(4096).startswith(b"HTTP/1.1 101 ")


def test_connections_without_a_request_do_not_delay_the_end() -> None:
    with GatewayProcess() as gateway, connected(gateway) as silent, connected(gateway, b"G") as slow:
        assert gateway.stop() == 0

        assert is_closed(silent)
        assert is_closed(slow)


def test_a_body_in_small_pieces_after_its_refusal_is_closed(gateway: GatewayProcess) -> None:
    head = b"POST /api/devices/d/commands/c HTTP/1.1\r\nHost: x.example\r\nContent-Length: 9999\r\n\r\n"
    deadline_s = time.monotonic() + DEADLINE_S
    with connected(gateway, head) as link, pytest.raises(ConnectionError):
        while time.monotonic() < deadline_s:
            link.sendall(b" ")
            time.sleep(0.05)


def test_a_board_stays_connected_after_the_deadline_of_its_request(gateway: GatewayProcess) -> None:
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        time.sleep(1.5)
        board.send('{"type":"ping"}')

        assert '"pong"' in str(board.recv(timeout=DEADLINE_S))


def test_a_handshake_after_another_request_stays_connected_after_the_deadline(gateway: GatewayProcess) -> None:
    with connected(gateway, COMPLETE + UPGRADE) as link:
        time.sleep(1.5)
        # A WebSocket ping with a mask of zeros.
        link.sendall(b"\x89\x80\x00\x00\x00\x00")

        received = b""
        while b"\x8a\x00" not in received:
            more = link.recv(4096)
            assert more, received
            received += more


def test_silent_connections_above_the_limit_of_an_address_are_closed_and_others_are_served() -> None:
    with GatewayProcess() as gateway, contextlib.ExitStack() as held:
        silent = [
            held.enter_context(connected(gateway, b"GET /", OTHER_ADDRESS)) for _ in range(PENDING_PER_NETWORK_MAX)
        ]
        one_more = held.enter_context(connected(gateway, b"", OTHER_ADDRESS))

        assert is_closed(one_more)
        with connect(f"{gateway.ws_url}/ws/pico") as board:
            board.send('{"type":"connect","device":"served"}')
            assert "connection_ack" in str(board.recv(timeout=DEADLINE_S))
        silent[0].sendall(b"health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert silent[0].recv(4096).startswith(b"HTTP/1.1 200")
        assert gateway.log_text().count("too many connections that send no request") == 1


def test_a_connection_that_waits_for_its_next_request_stays(gateway: GatewayProcess) -> None:
    with connected(gateway, COMPLETE) as link:
        first = answer_of(link)
        # Longer than a head may take: proxies keep their idle connections for a minute and more.
        time.sleep(1.5)
        link.sendall(COMPLETE)

        assert first.startswith(b"HTTP/1.1 200")
        assert answer_of(link).startswith(b"HTTP/1.1 200")


def test_an_address_with_too_many_connections_loses_its_oldest_idle_one(gateway: GatewayProcess) -> None:
    with contextlib.ExitStack() as held:
        idle = []
        for _ in range(CONNECTIONS_PER_NETWORK_MAX + 1):
            idle.append(held.enter_context(connected(gateway, COMPLETE, OTHER_ADDRESS)))
            assert answer_of(idle[-1]).startswith(b"HTTP/1.1 200")

        assert is_closed(idle[0])
        idle[1].sendall(COMPLETE)
        assert answer_of(idle[1]).startswith(b"HTTP/1.1 200")


def test_of_answers_that_one_address_does_not_read_a_few_are_kept(gateway: GatewayProcess) -> None:
    with contextlib.ExitStack() as held:
        links = [
            held.enter_context(connected(gateway, UNREAD * 30, OTHER_ADDRESS))
            for _ in range(UNREAD_PER_NETWORK_MAX + 1)
        ]

        wait_until(lambda: "too many answers that are not read" in gateway.log_text())
        assert gateway.get("/health").status_code == 200
        assert len(links) == UNREAD_PER_NETWORK_MAX + 1


def test_a_link_above_the_limit_of_all_links_is_refused_from_any_address(gateway: GatewayProcess) -> None:
    with contextlib.ExitStack() as held:
        for number in range(6):
            host = "127.0.0.1" if number < 4 else OTHER_ADDRESS
            held.enter_context(connect(f"{gateway.ws_url}/ws/pico", source_address=(host, 0)))

        with (
            pytest.raises(InvalidStatus) as refused,
            connect(f"{gateway.ws_url}/ws/pico", source_address=(OTHER_ADDRESS, 0)),
        ):
            pass

    assert refused.value.response.status_code == 503
    assert b"the limit of links is reached" in (refused.value.response.body or b"")
    assert refused.value.response.headers["Retry-After"]


def test_the_gateway_raises_its_limit_of_open_files_for_its_links() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with GatewayProcess("--links-max", "500", prefix=["prlimit", f"--nofile=256:{hard}"]) as gateway:
        soft = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)[0]

    assert soft > 500


def test_one_caller_has_a_few_exports_at_a_time_and_gets_the_next_when_one_ends() -> None:
    # An export ends when nothing is left, so these ask for more than the buffers of a connection hold.
    with GatewayProcess("--messages-per-s-max", "1000000") as gateway, contextlib.ExitStack() as held:
        fill_journal(gateway)
        exports = [held.enter_context(connected(gateway, EXPORT)) for _ in range(4)]
        for link in exports:
            assert link.recv(1024).startswith(b"HTTP/1.1 200")
        refused = gateway.get("/api/journal/export")
        exports[0].close()

        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_exports")
        wait_until(lambda: gateway.get("/api/journal/export?type=none").status_code != 503)


def fill_journal(gateway: GatewayProcess) -> None:
    """Writes several megabytes into the journal."""
    line = '{"type":"log","level":"info","message":"%s"}' % ("x" * 1000)
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        board.send('{"type":"connect","device":"wordy"}')
        for _ in range(20):
            for _ in range(500):
                board.send(line)
            board.send('{"type":"ping"}')
            while "pong" not in str(board.recv(timeout=DEADLINE_S)):
                pass
