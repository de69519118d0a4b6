"""TCP keep-alive: what is asked of the system."""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from darvaz.gateway.websocket.keep_alive import keep_alive


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other options")
def test_a_peer_that_vanished_is_noticed_within_about_a_minute() -> None:
    with socket.socket() as made:
        transport: Any = SimpleNamespace(get_extra_info=lambda name: made)
        keep_alive(transport)
        tcp = [made.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}")) for name in OPTIONS]

        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert tcp == [30, 10, 3, 60_000]


def test_a_transport_without_a_socket_is_left_alone() -> None:
    transport: Any = SimpleNamespace(get_extra_info=lambda name: None)

    keep_alive(transport)


OPTIONS = ("KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT")
