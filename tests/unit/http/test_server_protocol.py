"""A response that goes on is only possible on the gateway's own server."""

from __future__ import annotations

import pytest

from darvaz.gateway.http import server_protocol
from darvaz.gateway.websocket import interface


@pytest.mark.parametrize("module", [server_protocol, interface], ids=["http", "websocket"])
@pytest.mark.parametrize("scope", [{}, {"extensions": {"websocket.http.response": {}}}])
def test_under_another_server_the_error_names_the_command_that_helps(module: object, scope: dict[str, object]) -> None:
    with pytest.raises(RuntimeError, match="`darvaz serve` runs the gateway"):
        module.connection_of(scope)  # type: ignore[attr-defined]
