"""A request to an unknown path or with a wrong method is answered with a problem."""

from __future__ import annotations

import pytest

from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
async def test_a_request_without_an_operation_is_explained(
    gateway: RunningApp, method: str, path: str, status: int, header: dict[str, str]
) -> None:
    answer = await gateway.ask(method, path)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status and answer.json()["detail"]
    for name, value in header.items():
        assert sorted(answer.headers[name].split(", ")) == sorted(value.split(", "))
