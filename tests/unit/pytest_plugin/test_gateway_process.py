"""The port of a gateway process: reserved for it alone, whether it runs or not."""

from __future__ import annotations

import socket
import sys

import pytest

from darvaz.pytest_plugin.gateway_process import port_of, reserve_port

TRIES = 200
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reserves a port for a second socket")


def test_reserved_port_refuses_connections() -> None:
    with reserve_port() as reserved, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(reserved)), 5)


def test_server_that_knows_the_port_listens_there_again_and_again() -> None:
    with reserve_port() as reserved:
        for _ in range(2):
            with socket.create_server(("127.0.0.1", port_of(reserved))):
                socket.create_connection(("127.0.0.1", port_of(reserved)), 5).close()


def test_system_gives_a_reserved_port_to_nobody_else() -> None:
    held = [reserve_port() for _ in range(TRIES)]
    others = [socket.create_server(("127.0.0.1", 0)) for _ in range(TRIES)]

    assert len({port_of(one) for one in held + others}) == 2 * TRIES

    for one in held + others:
        one.close()
