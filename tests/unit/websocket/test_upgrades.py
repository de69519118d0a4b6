"""What answers handshakes without ASGI: it has them first, and its mistakes end no other connection."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from darvaz.gateway.http.connection_slots import ConnectionSlots
from darvaz.gateway.http.connections import ConnectionFactory
from darvaz.gateway.websocket.handshake import Request, dump_acceptance
from darvaz.gateway.websocket.interface import UnansweredConnection, Upgrades
from darvaz.gateway.websocket.protocol import WebSocketProtocol
from tests.support.rawsocket import RawSocket, text
from tests.support.webserver import WebServer
from tests.unit.websocket.servers import EchoListener, echo


class DirectUpgrades:
    """Has an `EchoListener` for `/direct`, and fails for `/fails`; all others are for the application."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, str | None, str]] = []

    def answer(self, connection: UnansweredConnection, request: Request, address: str | None, scheme: str) -> bool:
        self.seen.append((request.raw_path, address, scheme))
        if request.raw_path == b"/fails":
            raise ValueError("a mistake")
        if request.raw_path == b"/denied":
            connection.deny(403, [(b"x-why", b"no")], b"not here")
            return True
        if request.raw_path != b"/direct":
            return False
        connection.accept([(b"x-by", b"direct")], None)
        connection.attach(EchoListener(connection))
        return True


@contextmanager
def serving(upgrades: Upgrades) -> Iterator[WebServer]:
    def no_http(**_: Any) -> Any:
        raise AssertionError("only plain handshakes come")

    factory = ConnectionFactory(no_http, ConnectionSlots(10.0))
    with WebServer(echo, functools.partial(WebSocketProtocol, upgrades=upgrades), http=factory) as server:
        yield server


def test_a_handshake_that_is_answered_directly_never_reaches_the_application() -> None:
    upgrades = DirectUpgrades()
    with serving(upgrades) as server, RawSocket(server.port, "/direct?x=1") as client:
        client.send(text("hello"))

        assert (client.status, "x-by: direct" in client.head) == (101, True)
        assert client.receive() == (1, b"hello")
        assert upgrades.seen == [(b"/direct", "127.0.0.1", "ws")]


def test_a_handshake_that_is_not_answered_directly_is_the_applications() -> None:
    with serving(DirectUpgrades()) as server, RawSocket(server.port, "/other") as client:
        client.send(text("hello"))

        assert (client.status, "x-by" in client.head) == (101, False)
        assert client.receive() == (1, b"hello")


def test_a_handshake_may_be_denied_directly() -> None:
    with serving(DirectUpgrades()) as server, RawSocket(server.port, "/denied") as client:
        assert (client.status, "x-why: no" in client.head, client.read_rest()) == (403, True, b"not here")


def test_a_mistake_is_logged_and_ends_its_own_connection_only(caplog: pytest.LogCaptureFixture) -> None:
    with (
        serving(DirectUpgrades()) as server,
        RawSocket(server.port, "/direct") as other,
        RawSocket(server.port, "/fails") as client,
    ):
        assert (client.status, client.read_rest()) == (500, b"the gateway could not answer")

        other.send(text("still here"))
        assert other.receive() == (1, b"still here")
    assert "a handshake could not be answered" in caplog.text


@pytest.mark.parametrize("value", [b"1\r\nb: 2", b"1\rb: 2", b"1\nb: 2"])
def test_no_value_adds_a_header_to_an_answer(value: bytes) -> None:
    with pytest.raises(ValueError, match="line break"):
        dump_acceptance(b"accepted", [(b"a", value)], None)
