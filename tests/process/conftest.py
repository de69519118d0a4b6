"""What modules of this folder share: a gateway each, a camera that sends large frames unasked, and a NATS server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.camera import Camera
from tests.support.gateway import GatewayProcess
from tests.support.nats_server import NatsServer


@pytest.fixture(scope="module")
def gateway(request: pytest.FixtureRequest) -> Iterator[GatewayProcess]:
    """A gateway for a module, with the variables that the module has in ENVIRONMENT."""
    with GatewayProcess(env=getattr(request.module, "ENVIRONMENT", {})) as running:
        yield running


@pytest.fixture
async def camera(gateway: GatewayProcess) -> AsyncIterator[Camera]:
    async with Camera(gateway.ws_url, size_bytes=100_000, obeys=False) as running:
        yield running


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A server for the clusters of all tests, which have devices of names of their own."""
    with NatsServer(tmp_path_factory.mktemp("nats")) as running:
        yield running
