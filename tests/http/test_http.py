"""A request to an unknown path or with a wrong method is answered with a problem."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from darvaz.gateway.api.routes import OPERATIONS
from tests.support.app import RunningApp
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp(snapshot_deadline_s=0.1) as running:
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
async def test_a_request_without_an_operation_is_explained(
    gateway: RunningApp, method: str, path: str, status: int, header: dict[str, str]
) -> None:
    answer = await gateway.ask(method, path)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status and answer.json()["detail"]
    for name, value in header.items():
        assert sorted(answer.headers[name].split(", ")) == sorted(value.split(", "))


READABLE = [operation.path for operation in OPERATIONS if operation.method == "GET"]


@pytest.mark.parametrize("path", READABLE)
async def test_head_is_answered_like_get(gateway: RunningApp, path: str) -> None:
    values = defaultdict(lambda: "aaaaaaaaaa", device="eye", name="light", time_ms="1")
    path = path.format_map(values)
    is_endless = path.endswith(("/events", ".mjpeg"))
    async with board_at(gateway, "eye", "esp32cam"):
        head = await gateway.ask("HEAD", path)
        whole = head if is_endless else await gateway.get(path)

    assert head.status_code == (200 if is_endless else whole.status_code)
    assert head.headers.keys() <= whole.headers.keys()
    assert head.headers["content-type"] == whole.headers["content-type"]


async def test_head_fetches_no_tokens(gateway: RunningApp) -> None:
    before = await gateway.get("/api/tokens")
    head = await gateway.ask("HEAD", "/public/tokens")

    assert (head.status_code, head.content) == (200, b"")
    assert (await gateway.get("/api/tokens")).json() == before.json()
