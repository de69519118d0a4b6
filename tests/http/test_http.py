"""Requests that fit no path or method are answered with a problem that says what would."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.gateway import GatewayProcess


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "status", "header"),
    [
        ("GET", "/nowhere", 404, {}),
        ("POST", "/health", 405, {"Allow": "GET, HEAD"}),
        ("GET", "/api/devices/d/commands/c", 405, {"Allow": "POST"}),
        ("GET", "/ws/pico", 426, {"Upgrade": "websocket"}),
        ("GET", "/ws/esp32cam", 426, {"Upgrade": "websocket"}),
        ("POST", "/api/devices/%0a%1b%5B2J/commands/c", 404, {}),
    ],
)
def test_a_request_that_fits_nothing_is_explained(
    gateway: GatewayProcess, method: str, path: str, status: int, header: dict[str, str]
) -> None:
    answer = httpx.request(method, gateway.url + path, trust_env=False, timeout=30)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status and answer.json()["detail"]
    for name, value in header.items():
        assert sorted(answer.headers[name].split(", ")) == sorted(value.split(", "))
