"""Every error of the API is a problem detail that says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import assert_problem
from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/api/devices", 405), ("POST", "/health", 405),
     ("GET", "/api/devices/a%20b", 404), ("GET", "/api/devices/%2e%2e", 404), ("GET", "/api/tokens/x", 405)],
)  # fmt: skip
async def test_every_error_is_a_problem(gateway: RunningApp, method: str, path: str, status: int) -> None:
    response = await gateway.ask(method, path)

    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["status"] == status and response.json()["detail"]
    assert (status != 405) or response.headers["allow"]


async def test_an_unknown_path_or_method_is_answered_with_the_known_ones(gateway: RunningApp) -> None:
    nowhere = await gateway.ask("GET", "/" + "a" * 5000)
    method = await gateway.ask("DELETE", "/api/devices")

    assert_problem(nowhere, 404, "not_found")
    assert "/api/docs" in nowhere.json()["detail"] and len(nowhere.content) < 500
    assert_problem(method, 405, "method_not_allowed")
    assert "GET" in method.json()["detail"]


@pytest.mark.parametrize("path", ["/api/devices/", "/sign-in/"])
async def test_no_redirect_goes_to_the_host_of_a_request(gateway: RunningApp, path: str) -> None:
    response = await gateway.ask("GET", path, headers={"Host": "evil.example"})

    assert_problem(response, 404, "not_found")
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [("PATCH", "/api/devices/any", {"label": "a\nb"}, "a label has no line ends and no invisible characters"),
     ("PATCH", "/api/devices/any", {"label": 5}, "label: expected a string or null, got an integer"),
     ("POST", "/api/tokens", {}, "kind: missing"),
     ("PATCH", "/api/settings", {"port": 1}, "unknown name 'port'; known: command_deadline_s, "),
     ("POST", "/api/tokens", {"kind": "x"}, "kind: expected one of assistant, esp32cam, operator, owner, person, pico"),
     ("POST", "/api/tokens", {"kind": "pico", "device": "a b"}, "device: a device id is not . or .."),
     ("POST", "/api/enrolment", {"minutes": 0}, "minutes: expected a number of more than 0"),
     ("GET", "/api/events?types=nope", None, "types: types are some of presence, forgotten, "),
     ("GET", "/api/devices/any/camera?t=1", None, "unknown parameter 't'; this takes no parameters"),
     ("GET", "/api/devices/any/telemetry/t?points=2001", None, "points: expected an integer of at most 2000"),
     ("GET", "/api/devices/any/telemetry/t?from=x", None, "from: expected a number")],
)  # fmt: skip
async def test_an_invalid_value_is_explained_in_words(
    gateway: RunningApp, method: str, path: str, body: Any, sentence: str
) -> None:
    response = await gateway.ask(method, path, json=body)

    assert_problem(response, 422, "invalid")
    assert sentence in response.json()["detail"]


async def test_a_public_operation_ignores_unknown_parameters(gateway: RunningApp) -> None:
    assert (await gateway.ask("GET", "/health?now=1")).status_code == 200


async def test_a_large_body_is_refused_before_it_is_read(gateway: RunningApp) -> None:
    assert_problem(await gateway.ask("PATCH", "/api/settings", content=b" " * 16_385), 413, "too_large")
    assert_problem(await gateway.ask("PATCH", "/api/settings", content=b"[" * 16_384), 400, "not_json")
