"""Every route for every kind of caller, written by hand from docs/api.md and docs/security.md."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from darvaz.gateway.api.routes import OPERATIONS
from darvaz.gateway.local_programs import Address, LocalPrograms
from tests.support.app import RunningApp
from tests.support.asgi import AppTransport
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a route is for. Where a request might change what others need, it is one that is admitted and then fails.
OPEN, FETCH, VIEW, CAMERA, ADMINISTER, CHANGE, LEAVE, BOARD, WATCH, ASSIST = range(10)
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
    ("GET", "/api/devices", VIEW, None),
    ("GET", "/api/groups", VIEW, None),
    ("GET", "/api/crashes", VIEW, None),
    ("GET", "/api/crashes/000000000000", VIEW, None),
    ("GET", "/api/devices/eye", VIEW, None),
    ("GET", "/api/devices/eye/telemetry", VIEW, None),
    ("GET", "/api/devices/eye/telemetry/light", VIEW, None),
    ("GET", "/api/devices/eye/telemetry/light/states", VIEW, None),
    ("GET", "/api/devices/eye/camera", VIEW, None),
    ("GET", "/api/devices/eye/frames", VIEW, None),
    ("GET", "/api/devices/eye/frames/1.jpg", VIEW, None),
    ("HEAD", "/api/events", VIEW, None),
    ("GET", "/api/journal?limit=1", VIEW, None),
    ("GET", "/api/journal/export?format=none", VIEW, None),
    ("GET", "/api/telemetry/export?format=none", VIEW, None),
    ("GET", "/api/alerts", VIEW, None),
    ("GET", "/api/alerts/history", VIEW, None),
    ("GET", "/api/alert-rules", VIEW, None),
    ("GET", "/api/rules", VIEW, None),
    ("GET", "/api/layouts", VIEW, None),
    ("GET", "/api/enrolment", VIEW, None),
    ("GET", "/api/releases", VIEW, None),
    ("GET", "/api/rollouts", VIEW, None),
    ("GET", "/api/rollouts/1", VIEW, None),
    ("GET", "/api/session", VIEW, None),
    ("GET", "/api/health", VIEW, None),
    ("GET", "/api/cluster", VIEW, None),
    ("GET", "/api/version", VIEW, None),
    ("GET", "/metrics", VIEW, None),
    ("HEAD", "/api/devices/eye/stream.mjpeg", CAMERA, None),
    ("GET", "/api/devices/eye/snapshot.jpg", CAMERA, None),
    ("GET", "/api/tokens", ADMINISTER, None),
    ("GET", "/api/sessions", ADMINISTER, None),
    ("GET", "/api/alert-channels", ADMINISTER, None),
    ("GET", "/api/settings", ADMINISTER, None),
    ("GET", "/api/home-assistant", ADMINISTER, None),
    ("GET", "/api/firmware?kind=pico&mpy=none", ADMINISTER, None),
    ("PATCH", "/api/devices/nobody", CHANGE, {"label": "x"}),
    ("DELETE", "/api/devices/nobody", CHANGE, None),
    ("PUT", "/api/devices/nobody/words", CHANGE, {}),
    ("POST", "/api/devices/nobody/commands/pan", CHANGE, {}),
    ("POST", "/api/devices/nobody/prompt", CHANGE, {"session": "0" * 12, "code": "1"}),
    ("POST", "/api/devices/nobody/prompt/stop", CHANGE, {"session": "0" * 12}),
    ("POST", "/api/devices/nobody/prompt/code", CHANGE, {"session": "0" * 12, "code": "1"}),
    ("POST", "/api/devices/nobody/prompt/input", CHANGE, {"session": "0" * 12, "data": ""}),
    ("GET", "/api/devices/nobody/prompt/output?session=000000000000", CHANGE, None),
    ("DELETE", "/api/devices/nobody/prompt?session=000000000000", CHANGE, None),
    ("PATCH", "/api/groups/none", CHANGE, {"add": ["nobody"]}),
    ("DELETE", "/api/groups/none", CHANGE, None),
    ("DELETE", "/api/crashes/000000000000", CHANGE, None),
    ("POST", "/api/commands/pan", CHANGE, {}),
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
    ("WS", "/ws/pico", BOARD, None),
    ("WS", "/ws/view/eye", WATCH, None),
    ("POST", "/mcp", ASSIST, {"jsonrpc": "2.0", "id": 1, "method": "ping"}),
    # The last one: a session ends with it.
    ("DELETE", "/api/session", LEAVE, None),
]
IN = 0
# Of each caller: open, fetch, view, camera, administer, change, leave, board, watch, assist.
NOBODY = (IN, 403, 401, 401, 401, 401, 401, IN, 401, 401)
WRONG = (IN, 403, 401, 401, 401, 401, 401, 401, 401, 401)
FOREIGN = (IN, 403, 403, 403, 403, 403, 403, 403, 403, 403)
VIEWER = (IN, 403, IN, IN, 403, 403, IN, 401, IN, 403)
OPERATOR = (IN, 403, IN, IN, IN, IN, IN, 401, IN, IN)
HERE = (IN, IN, IN, IN, IN, IN, IN, IN, IN, IN)
OUTCOMES: dict[str, tuple[int, ...]] = {
    "another machine": NOBODY,
    "another machine that says it is localhost": NOBODY,
    "a program of this machine": HERE,
    "an address of this machine alone": NOBODY,
    "this machine behind a proxy": NOBODY,
    "this machine by a foreign name": NOBODY,
    "a browser of this machine by a foreign name": (IN, 403, 403, 403, 403, 403, 403, IN, 403, 403),
    "a foreign page in a browser of this machine": FOREIGN,
    "a picture of a foreign page in a browser of this machine": (IN, 403, IN, IN, IN, 403, 403, IN, IN, 403),
    "the local token": (IN, IN, IN, IN, IN, IN, IN, 401, IN, IN),
    "the local token from another machine": WRONG,
    "a viewer": VIEWER,
    "an operator": OPERATOR,
    "an assistant": (IN, 403, 403, 403, 403, 403, 403, 401, 403, IN),
    "an assistant by password": WRONG,
    "a viewer by password": VIEWER,
    "an operator by password": WRONG,
    "an expired viewer": WRONG,
    "an expired operator": WRONG,
    "a revoked viewer": WRONG,
    "a revoked operator": WRONG,
    "a board": (IN, 403, 401, 401, 401, 401, 401, IN, 401, 401),
    "a board of another kind": WRONG,
    "an unknown token": WRONG,
    "a malformed token": WRONG,
    "an operator's token without a scheme": WRONG,
    "an operator's token in the address": WRONG,
    "the password of a proxy": NOBODY,
    "an operator's page": (IN, 403, IN, IN, IN, IN, IN, IN, IN, IN),
    "an operator's session without an origin": (IN, 403, IN, IN, IN, 403, 403, IN, IN, 403),
    "an operator's session in a foreign page": FOREIGN,
    "a viewer's page": (IN, 403, IN, IN, 403, 403, IN, IN, IN, 403),
    "a page whose session was ended": NOBODY,
    "a page whose token was revoked": NOBODY,
    "a view link": (IN, 403, 401, IN, 401, 401, 401, IN, IN, 401),
    "a view link of another camera": NOBODY,
}
# An <img> of a foreign page must not use up the places of event streams.
EXCEPTIONS = {("a picture of a foreign page in a browser of this machine", "/api/events"): 403}
UNPROVEN = "127.66."
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Language": "fa"}


@dataclass
class Calling:
    """What a caller sends, and the beginning of its addresses: each request has another, so that none is blocked."""

    headers: dict[str, str] = field(default_factory=dict)
    network: str = "10.9."
    query: str = ""


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
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def callers(gateway: RunningApp) -> dict[str, Calling]:
    return made_callers(gateway)


def made_callers(gateway: RunningApp) -> dict[str, Calling]:
    """Returns every caller, with tokens, sessions and links of its own."""
    tokens, operators = gateway.parts.access.tokens, gateway.parts.operators
    token = {kind: tokens.issue(kind).text for kind in ("viewer", "operator", "assistant", "pico", "esp32cam")}
    expired = {kind: tokens.issue(kind, expires_in_s=-1).text for kind in ("viewer", "operator")}
    revoked = {kind: tokens.issue(kind) for kind in ("viewer", "operator")}
    opener = tokens.issue("operator")
    session = {role: operators.sessions.open(role, None, "", None) for role in ("viewer", "operator")}
    bare, foreign, ended = (operators.sessions.open("operator", None, "", None) for _ in range(3))
    of_revoked = operators.sessions.open("operator", None, "", opener.token_id)
    operators.sessions.close(ended.identity)
    for issued in (opener, *revoked.values()):
        tokens.revoke(issued.token_id)
    local: Any = {"network": "127.0."}
    page = {**BROWSER, "Origin": gateway.url}
    return {
        "another machine": Calling(),
        "another machine that says it is localhost": Calling({"X-Forwarded-For": "127.0.0.1", "Host": "localhost"}),
        "a program of this machine": Calling(**local),
        "an address of this machine alone": Calling(network=UNPROVEN),
        "this machine behind a proxy": Calling({"Via": "1.1 proxy"}, **local),
        "this machine by a foreign name": Calling({"Host": "attacker.example"}, **local),
        "a browser of this machine by a foreign name": Calling({"Host": "attacker.example", **BROWSER}, **local),
        "a foreign page in a browser of this machine": Calling({"Origin": "http://attacker.example"}, **local),
        "a picture of a foreign page in a browser of this machine": Calling(
            {"Sec-Fetch-Site": "cross-site", **BROWSER}, **local
        ),
        "the local token": Calling(bearer(operators.local_token.text), UNPROVEN),
        "the local token from another machine": Calling(bearer(operators.local_token.text)),
        "a viewer": Calling(bearer(token["viewer"])),
        "an operator": Calling(bearer(token["operator"])),
        "an assistant": Calling(bearer(token["assistant"])),
        "an assistant by password": Calling(password(token["assistant"])),
        "a viewer by password": Calling(password(token["viewer"])),
        "an operator by password": Calling(password(token["operator"])),
        "an expired viewer": Calling(bearer(expired["viewer"])),
        "an expired operator": Calling(bearer(expired["operator"])),
        "a revoked viewer": Calling(bearer(revoked["viewer"].text)),
        "a revoked operator": Calling(bearer(revoked["operator"].text)),
        "a board": Calling(bearer(token["pico"])),
        "a board of another kind": Calling(bearer(token["esp32cam"])),
        "an unknown token": Calling(bearer("dvz_aaaaaaaaaa_" + "A" * 43)),
        "a malformed token": Calling(bearer("hello")),
        "an operator's token without a scheme": Calling({"Authorization": token["operator"]}),
        "an operator's token in the address": Calling(query=f"token={token['operator']}"),
        "the password of a proxy": Calling(password("of-the-proxy")),
        "an operator's page": Calling({**page, **cookie(gateway, session["operator"].text)}),
        "an operator's session without an origin": Calling({**BROWSER, **cookie(gateway, bare.text)}),
        "an operator's session in a foreign page": Calling(
            {**BROWSER, **cookie(gateway, foreign.text), "Origin": f"http://{gateway.host.partition(':')[0]}:8080"}
        ),
        "a viewer's page": Calling({**page, **cookie(gateway, session["viewer"].text)}),
        "a page whose session was ended": Calling({**page, **cookie(gateway, ended.text)}),
        "a page whose token was revoked": Calling({**page, **cookie(gateway, of_revoked.text)}),
        "a view link": Calling(query=view_link(gateway, "eye")),
        "a view link of another camera": Calling(query=view_link(gateway, "other")),
    }


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def password(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"any:{text}".encode()).decode()}


def cookie(gateway: RunningApp, text: str) -> dict[str, str]:
    return {"Cookie": f"{gateway.parts.operators.cookie_name}={text}"}


def view_link(gateway: RunningApp, camera: str) -> str:
    known = gateway.parts.devices.get(camera)
    assert known is not None
    until_s, signature = gateway.parts.operators.signer.sign(camera, since_s=known.first_seen_s)
    return f"until={until_s}&signature={signature}"


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
    request = httpx.Request(method, gateway.url + target, headers=headers, content=content)
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
