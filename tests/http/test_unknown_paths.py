"""WebSockets at paths that are not quite right are told where boards connect, and are journalled."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "path", ["/ws/pico/", "/ws/Pico", "/ws", "/ws/", "/", "/ws/esp32", "//ws/pico", "/api/devices", "/" + "x" * 500]
)
async def test_websocket_at_a_wrong_path_is_told_the_right_ones(gateway: RunningApp, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await gateway.open_websocket(path)

    response = refused.value.response
    problem = json.loads(response.body or b"")
    assert (response.status_code, problem["code"]) == (404, "not_found")
    assert "/ws/pico" in problem["detail"] and len(problem["detail"]) < 200


async def test_websocket_at_a_wrong_path_is_journalled_without_a_secret(gateway: RunningApp) -> None:
    with pytest.raises(InvalidStatus):
        await gateway.open_websocket("/ws/dvz_aaaaaaaaaa_SECRETSECRET", address="203.0.113.77")

    (line,) = [line for line in await gateway.journal(type="refused") if line.address == "203.0.113.77"]
    assert "404 not_found" in (line.payload or "") and "SECRET" not in (line.payload or "")
