"""Every route for every kind of caller, written by hand from docs/api.md and docs/security.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from darvaz.gateway.api.routes import OPERATIONS
from darvaz.gateway.local_programs import Address, LocalPrograms
from tests.http.kinds_of_callers import (
    ADMINISTER,
    ASSIST,
    BOARD,
    CAMERA,
    CHANGE,
    FETCH,
    GOVERN,
    IN,
    LEAVE,
    OPEN,
    OUTCOMES,
    OWN,
    SEE,
    SUBSCRIBE,
    UNPROVEN,
    USE,
    VIEW,
    WATCH,
    Calling,
    made_callers,
)  # fmt: skip
from tests.support.app import RunningApp
from tests.support.asgi import AppTransport
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a route is for. Where a request might change what others need, it is one that is admitted and then fails.
ROUTES: list[tuple[str, str, int, Any]] = [
    ("GET", "/", OPEN, None),
    ("GET", "/sign-in", OPEN, None),
    ("GET", "/pages/app.js", OPEN, None),
    ("GET", "/health", OPEN, None),
    ("GET", "/protocol.json", OPEN, None),
    ("GET", "/asyncapi.json", OPEN, None),
    ("GET", "/openapi.json", OPEN, None),
    ("GET", "/api/docs", OPEN, None),
    ("POST", "/api/session", OPEN, {}),
    ("HEAD", "/public/tokens", FETCH, None),
    ("GET", "/api/devices", SEE, None),
    ("GET", "/api/groups", SEE, None),
    ("GET", "/api/crashes", VIEW, None),
    ("GET", "/api/crashes/000000000000", VIEW, None),
    ("GET", "/api/devices/eye", SEE, None),
    ("GET", "/api/devices/eye/telemetry", SEE, None),
    ("GET", "/api/devices/eye/telemetry/light", SEE, None),
    ("GET", "/api/devices/eye/telemetry/light/states", SEE, None),
    ("GET", "/api/devices/eye/camera", SEE, None),
    ("GET", "/api/devices/eye/frames", SEE, None),
    ("GET", "/api/devices/eye/frames/1.jpg", SEE, None),
    ("HEAD", "/api/events", SEE, None),
    ("GET", "/api/journal?limit=1&device=eye", SEE, None),
    ("GET", "/api/journal/export?format=none", SEE, None),
    ("GET", "/api/telemetry/export?format=none", SEE, None),
    ("GET", "/api/alerts", VIEW, None),
    ("GET", "/api/alerts/history", VIEW, None),
    ("GET", "/api/alert-rules", VIEW, None),
    ("GET", "/api/push-subscription", VIEW, None),
    ("GET", "/api/rules", VIEW, None),
    ("GET", "/api/layouts", SEE, None),
    ("GET", "/api/enrolment", VIEW, None),
    ("GET", "/api/releases", VIEW, None),
    ("GET", "/api/rollouts", VIEW, None),
    ("GET", "/api/rollouts/1", VIEW, None),
    ("GET", "/api/session", SEE, None),
    ("GET", "/api/health", VIEW, None),
    ("GET", "/api/cluster", VIEW, None),
    ("GET", "/api/version", SEE, None),
    ("GET", "/metrics", VIEW, None),
    ("HEAD", "/api/devices/eye/stream.mjpeg", CAMERA, None),
    ("GET", "/api/devices/eye/snapshot.jpg", CAMERA, None),
    ("POST", "/api/qr-codes", SEE, {"text": ""}),
    ("GET", "/api/tokens", ADMINISTER, None),
    ("GET", "/api/sessions", ADMINISTER, None),
    ("GET", "/api/alert-channels", ADMINISTER, None),
    ("GET", "/api/settings", ADMINISTER, None),
    ("GET", "/api/home-assistant", ADMINISTER, None),
    ("GET", "/api/firmware?kind=pico&mpy=none", ADMINISTER, None),
    ("GET", "/api/micropython", ADMINISTER, None),
    ("GET", "/api/micropython/esp32cam", ADMINISTER, None),
    ("PATCH", "/api/devices/nobody", CHANGE, {"label": "x"}),
    ("DELETE", "/api/devices/nobody", CHANGE, None),
    ("PUT", "/api/devices/nobody/words", CHANGE, {}),
    ("PUT", "/api/devices/nobody/camera/motion", CHANGE, {}),
    ("PUT", "/api/devices/nobody/camera/picture", CHANGE, {}),
    ("POST", "/api/devices/nobody/commands/pan", USE, {}),
    ("POST", "/api/devices/nobody/prompt", CHANGE, {"session": "0" * 12, "code": "1"}),
    ("POST", "/api/devices/nobody/prompt/stop", CHANGE, {"session": "0" * 12}),
    ("POST", "/api/devices/nobody/prompt/code", CHANGE, {"session": "0" * 12, "code": "1"}),
    ("POST", "/api/devices/nobody/prompt/input", CHANGE, {"session": "0" * 12, "data": ""}),
    ("GET", "/api/devices/nobody/prompt/output?session=000000000000", CHANGE, None),
    ("DELETE", "/api/devices/nobody/prompt?session=000000000000", CHANGE, None),
    ("PATCH", "/api/groups/none", CHANGE, {"add": ["nobody"]}),
    ("DELETE", "/api/groups/none", CHANGE, None),
    ("DELETE", "/api/crashes/000000000000", CHANGE, None),
    ("POST", "/api/commands/pan", USE, {}),
    ("DELETE", "/api/devices/nobody/home-assistant-key", CHANGE, None),
    ("PUT", "/api/home-assistant", CHANGE, {}),
    ("POST", "/api/devices/nobody/view-links", CHANGE, {}),
    ("POST", "/api/alerts/none/acknowledgement", CHANGE, None),
    ("POST", "/api/layouts", CHANGE, {}),
    ("PUT", "/api/layouts/none", CHANGE, {}),
    ("DELETE", "/api/layouts/none", CHANGE, None),
    ("POST", "/api/rules", CHANGE, {}),
    ("PUT", "/api/rules/none", CHANGE, {}),
    ("DELETE", "/api/rules/none", CHANGE, None),
    ("POST", "/api/rules/none/runs", CHANGE, None),
    ("POST", "/api/alert-rules", CHANGE, {}),
    ("PUT", "/api/alert-rules/none", CHANGE, {}),
    ("DELETE", "/api/alert-rules/none", CHANGE, None),
    ("PUT", "/api/alert-channels/none", CHANGE, {}),
    ("DELETE", "/api/alert-channels/none", CHANGE, None),
    ("POST", "/api/alert-channels/none/test", CHANGE, None),
    ("POST", "/api/tokens", CHANGE, {}),
    ("POST", "/api/micropython/esp32cam?unknown=1", CHANGE, None),
    ("DELETE", "/api/tokens/aaaaaaaaaa", CHANGE, None),
    ("POST", "/api/enrolment", CHANGE, {"minutes": -1}),
    ("POST", "/api/releases", CHANGE, {}),
    ("POST", "/api/rollouts", CHANGE, {}),
    ("PATCH", "/api/rollouts/1", CHANGE, {}),
    ("POST", "/api/devices/nobody/update-key", CHANGE, None),
    ("DELETE", "/api/enrolment", CHANGE, None),
    ("DELETE", "/api/sessions/aaaaaaaaaa", CHANGE, None),
    ("POST", "/api/sign-in-links", CHANGE, {"minutes": -1}),
    ("PATCH", "/api/settings", CHANGE, {}),
    ("GET", "/api/people", OWN, None),
    ("GET", "/api/invitations", OWN, None),
    ("POST", "/api/people", GOVERN, {}),
    ("PATCH", "/api/people/none", GOVERN, {}),
    ("DELETE", "/api/people/none", GOVERN, None),
    ("POST", "/api/people/none/links", GOVERN, {}),
    ("POST", "/api/invitations", GOVERN, {}),
    ("DELETE", "/api/invitations/none", GOVERN, None),
    ("WS", "/ws/pico", BOARD, None),
    ("WS", "/ws/view/eye", WATCH, None),
    ("PUT", "/api/push-subscription", SUBSCRIBE, {}),
    ("DELETE", "/api/push-subscription", SUBSCRIBE, None),
    ("POST", "/api/push-subscription/test", SUBSCRIBE, None),
    ("POST", "/mcp", ASSIST, {"jsonrpc": "2.0", "id": 1, "method": "ping"}),
    # The last one: a session ends with it.
    ("POST", "/api/session/link", LEAVE, None),
    ("PATCH", "/api/session", LEAVE, {}),
    ("DELETE", "/api/session", LEAVE, None),
]
# An <img> of a foreign page must not use up the places of event streams.
EXCEPTIONS = {("a picture of a foreign page in a browser of this machine", "/api/events"): 403}
# A shared dashboard shows no journal.
EXCEPTIONS |= {("a page that shows one dashboard", "/api/journal?limit=1&device=eye"): 403}


class SomeLocal(LocalPrograms):
    """Takes connections from most of loopback for those of local programs."""

    async def is_local(self, peer: Address, here: Address) -> bool:
        return not peer[0].startswith(UNPROVEN)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp(snapshot_deadline_s=0.01) as running:
        running.parts.local_programs = SomeLocal()
        running.parts.access.enrolment.close()
        async with board_at(running, "eye", "esp32cam"), board_at(running, "other", "esp32cam"):
            running.parts.groups.add("hall", "eye")
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def callers(gateway: RunningApp) -> dict[str, Calling]:
    return made_callers(gateway)


@cache
def url_of(text: str) -> httpx.URL:
    """Returns an address, which most callers have in common."""
    return httpx.URL(text)


async def outcome(gateway: RunningApp, calling: Calling, address: str, method: str, path: str, body: Any) -> int:
    """Returns how a request is refused, with 401, 403 or 429, or `IN` if it is not."""
    headers = {"Host": gateway.host, **calling.headers}
    target = f"{path}{'&' if '?' in path else '?'}{calling.query}" if calling.query else path
    if method == "WS":
        try:
            await (await gateway.open_websocket(target, headers, address)).close()
        except InvalidStatus as refused:
            return refused.response.status_code
        return IN
    content = None if body is None else json.dumps(body)
    request = httpx.Request(method, url_of(gateway.url + target), headers=headers, content=content)
    response = await AppTransport(gateway.app, address).handle_async_request(request)
    await response.aclose()
    assert response.status_code < 500 or response.status_code in (503, 504), (method, path)
    return response.status_code if response.status_code in (401, 403, 429) else IN


async def differences(gateway: RunningApp, caller: str, calling: Calling, number: int) -> list[Any]:
    """Returns the routes at which a caller is treated in another way than the table says."""
    found = []
    for index, (method, path, column, body) in enumerate(ROUTES):
        address = f"{calling.network}{number}.{index + 1}"
        expected = EXCEPTIONS.get((caller, path), OUTCOMES[caller][column])
        seen = await outcome(gateway, calling, address, method, path, body)
        if seen != expected:
            found.append((caller, method, path, seen, expected))
    return found


async def test_each_caller_may_do_what_the_docs_say(gateway: RunningApp, callers: dict[str, Calling]) -> None:
    found = await asyncio.gather(
        *(differences(gateway, caller, calling, number) for number, (caller, calling) in enumerate(callers.items()))
    )

    assert [line for lines in found for line in lines] == []


async def test_every_operation_and_caller_is_in_the_table(callers: dict[str, Calling]) -> None:
    written = {(method.replace("HEAD", "GET"), path.partition("?")[0]) for method, path, _, _ in ROUTES}
    values = {
        "name": "light",
        "time_ms": "1",
        "token": "aaaaaaaaaa",
        "session": "aaaaaaaaaa",
        "group": "none",
        "crash": "0" * 12,
        "rollout": "1",
    }
    values |= {"alert": "none", "rule": "none", "layout": "none", "channel": "none"}
    values |= {"person": "none", "invitation": "none", "board": "esp32cam"}

    missing = [
        operation.action
        for operation in OPERATIONS
        if not {
            (operation.method, operation.path.format(device=device, **{**values, **more}))
            for device in ("eye", "nobody")
            for more in ({}, {"name": "pan"})
        }
        & written
    ]

    assert missing == []
    assert callers.keys() == OUTCOMES.keys()
