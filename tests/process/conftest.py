"""What the end-to-end tests share: the two ways in which a gateway can speak WebSocket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import GatewayProcess


@pytest.fixture(scope="module", params=["auto", "stock"])
def ws(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the tests that use it over Darvaz's own WebSocket and over uvicorn's."""
    before, GatewayProcess.ws = GatewayProcess.ws, request.param
    yield request.param
    GatewayProcess.ws = before
