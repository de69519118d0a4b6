"""Every error of the API is a problem in words, and what is no HTTP is answered with one, too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.api import DEADLINE_S, ask, assert_problem
from tests.support.gateway import GatewayProcess


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/api/devices", 405), ("POST", "/health", 405),
     ("GET", "/api/devices/a%20b", 404), ("GET", "/api/devices/%2e%2e", 404), ("GET", "/api/tokens/x", 405)],
)  # fmt: skip
async def test_every_error_is_a_problem(gateway: GatewayProcess, method: str, path: str, status: int) -> None:
    response = await ask(gateway, method, path)

    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["status"] == status and response.json()["detail"]
    assert (status != 405) or response.headers["allow"]


async def test_what_is_not_there_is_told_with_what_is(gateway: GatewayProcess) -> None:
    nowhere = await ask(gateway, "GET", "/" + "a" * 5000)
    method = await ask(gateway, "DELETE", "/api/devices")

    assert_problem(nowhere, 404, "not_found")
    assert "/api/docs" in nowhere.json()["detail"] and len(nowhere.content) < 500
    assert_problem(method, 405, "method_not_allowed")
    assert "GET" in method.json()["detail"]


@pytest.mark.parametrize("path", ["/api/devices/", "/sign-in/"])
async def test_nobody_is_sent_to_a_host_that_a_request_names(gateway: GatewayProcess, path: str) -> None:
    response = await ask(gateway, "GET", path, headers={"Host": "evil.example"})

    assert_problem(response, 404, "not_found")
    assert "location" not in response.headers


@pytest.mark.parametrize(
    "said",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /a b HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_answered_with_a_problem(gateway: GatewayProcess, said: bytes) -> None:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(said)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    assert head.startswith(b"HTTP/1.1 400 ") and b"content-type: application/problem+json" in head.lower()
    assert (json.loads(body)["status"], json.loads(body)["code"]) == (400, "not_http")


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [("PATCH", "/api/devices/any", {"label": "a\nb"}, "a label has no line ends and nothing that cannot be seen"),
     ("PATCH", "/api/devices/any", {"label": 5}, "label: expected a string or null, got an integer"),
     ("PATCH", "/api/devices/any", {}, "label: missing"),
     ("PATCH", "/api/settings", {"port": 1}, "unknown name 'port'; known: command_deadline_s, "),
     ("POST", "/api/tokens", {"kind": "x"}, "kind: expected one of esp32cam, operator, pico, viewer"),
     ("POST", "/api/tokens", {"kind": "pico", "device": "a b"}, "device: a device id is not . or .."),
     ("POST", "/api/enrolment", {"minutes": 0}, "minutes: expected a number of more than 0"),
     ("GET", "/api/events?types=nope", None, "types: types are some of presence, forgotten, "),
     ("GET", "/api/devices/any/camera?t=1", None, "unknown parameter 't'; this takes no parameters"),
     ("GET", "/api/devices/any/telemetry/t?points=2001", None, "points: expected an integer of at most 2000"),
     ("GET", "/api/devices/any/telemetry/t?from=x", None, "from: expected a number")],
)  # fmt: skip
async def test_what_is_wrong_is_said_in_words_for_people(
    gateway: GatewayProcess, method: str, path: str, body: Any, sentence: str
) -> None:
    response = await ask(gateway, method, path, json=body)

    assert_problem(response, 422, "invalid")
    assert sentence in response.json()["detail"]


async def test_what_is_public_takes_any_parameter(gateway: GatewayProcess) -> None:
    assert (await ask(gateway, "GET", "/health?now=1")).status_code == 200


async def test_a_large_body_is_refused_before_it_is_read(gateway: GatewayProcess) -> None:
    assert_problem(await ask(gateway, "PATCH", "/api/settings", content=b" " * 16_385), 413, "too_large")
    assert_problem(await ask(gateway, "PATCH", "/api/settings", content=b"[" * 16_384), 400, "not_json")
