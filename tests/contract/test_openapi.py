"""The OpenAPI document: valid, complete, readable, and kept by the running gateway."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from darvaz.gateway.api.routes import OPERATIONS
from darvaz.gateway.app import build_app, build_parts
from darvaz.gateway.settings import Settings
from tests.support.gateway import GatewayProcess

# Pages for people are no operations, but for the document's own.
PAGES = {"/", "/ws/pico", "/ws/esp32cam", "/sign-in"}
RUN_DEADLINE_S = 60


def is_page(path: str) -> bool:
    return path in PAGES or path.startswith("/pages/")


# The least that a camera's frame is known by: its first and last bytes.
JPEG = b"\xff\xd8\xff\xd9"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway to which its own machine is as far as any other, so that it must be told who asks."""
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as running:
        yield running


@pytest.fixture(scope="module")
def document(gateway: GatewayProcess) -> dict[str, Any]:
    return dict(gateway.get("/openapi.json").json())


@pytest.fixture(scope="module")
def token(gateway: GatewayProcess) -> str:
    return token_of(gateway)


def token_of(gateway: GatewayProcess) -> str:
    command = [sys.executable, "-m", "darvaz", "token", "issue", "operator", "--data", str(gateway.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_request_that_is_answered_is_in_the_document_and_no_other(
    document: dict[str, Any], tmp_path: Path
) -> None:
    parts = build_parts(Settings(data=str(tmp_path)))
    routes = [route for route in build_app(parts).routes if isinstance(route, Route) and not is_page(route.path)]
    parts.devices.close()
    parts.access.close()

    answered = {(route.path, method) for route in routes for method in (route.methods or ()) if method != "HEAD"}
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert answered == described


def test_every_operation_says_who_may_ask_and_how(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            is_public = (not path.startswith("/api/") and path != "/metrics") or operation["tags"] == ["Public"]
            is_public = is_public or operation["operationId"] == "sign_in"
            assert (operation["security"] == []) is is_public, (method, path)
            assert operation["summary"].endswith(".") and operation["description"].endswith(".")


def test_operations_have_names_of_their_own() -> None:
    names = [operation.name for operation in OPERATIONS]

    assert len(names) == len(set(names))


def test_no_error_is_anything_but_a_problem(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                is_health = operation["operationId"] == "read_health"
                if status >= "400" and not is_health:
                    assert list(answer["content"]) == ["application/problem+json"]


def test_the_page_shows_every_operation_and_type_and_loads_nothing_from_elsewhere(
    gateway: GatewayProcess, document: dict[str, Any]
) -> None:
    page = gateway.get("/api/docs").text

    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page
    for name in document["components"]["schemas"]:
        assert f'id="type-{name}"' in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'(?:href|src)="(?!#)([^"]+)"', page)) == {
        "/pages/styles/plain.css", "/openapi.json", "/asyncapi.json", "/protocol.json", "/",
    }  # fmt: skip
    assert "<script" not in page and "style=" not in page


# The running gateway


def run_schemathesis(gateway: GatewayProcess, token: str, folder: Path, *options: str, config: str = "") -> None:
    """Runs schemathesis against the gateway and shows what it found."""
    (folder / "schemathesis.toml").write_text(config)
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(folder / "schemathesis.toml"),
        "run", f"{gateway.url}/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--phases", "examples,coverage,fuzzing",
        "--checks", "all", "--seed", "1", "--continue-on-failure", "--request-timeout", "20", *options,
    ]  # fmt: skip
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_DEADLINE_S, check=False, cwd=folder, env={"PATH": ""}
    )
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:] + gateway.log_text()[-2000:]


# An answer without an end; one that is no JSON; one that must be guessed, and then locks the address out;
# and one that gives out tokens until there are no more.
SPECIAL = ("watch_events", "export_journal", "sign_in", "mint_public_tokens")


@pytest.mark.timeout(RUN_DEADLINE_S * 2)
def test_the_gateway_keeps_what_the_document_says(gateway: GatewayProcess, token: str, tmp_path: Path) -> None:
    without = [part for name in SPECIAL for part in ("--exclude-operation-id", name)]

    run_schemathesis(gateway, token, tmp_path, *without, "--max-examples", "15")

    assert gateway.get("/health").json()["status"] == "ok"
    assert "Traceback" not in gateway.log_text()


@contextlib.contextmanager
def obliging_board(gateway: GatewayProcess, token: str, device: str) -> Iterator[None]:
    """Connects a camera that obeys every command and reports something."""
    is_here, is_over = threading.Event(), threading.Event()

    async def live() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(f"{gateway.ws_url}/ws/esp32cam", additional_headers=headers) as board:
            await board.send(json.dumps({"type": "connect", "device": device}))
            await board.recv()
            await board.send(json.dumps({"type": "telemetry", "values": {"temperature": 20.5, "door": "open"}}))
            is_here.set()
            with contextlib.suppress(ConnectionClosed):
                while not is_over.is_set():
                    with contextlib.suppress(TimeoutError):
                        asked = json.loads(await asyncio.wait_for(board.recv(), 0.1))
                        if asked["type"] == "command":
                            await board.send(JPEG)
                            await board.send(json.dumps({"type": "ack", "id": asked["id"], "status": "ok"}))

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    try:
        assert is_here.wait(20)
        yield
    finally:
        is_over.set()
        thread.join(20)


@pytest.mark.timeout(RUN_DEADLINE_S * 2)
def test_the_gateway_keeps_it_for_a_device_that_is_here(tmp_path: Path) -> None:
    # Another gateway: the settings of the first have been played with.
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        try_a_device_that_is_here(gateway, token_of(gateway), tmp_path)

        assert "Traceback" not in gateway.log_text()


def try_a_device_that_is_here(gateway: GatewayProcess, token: str, folder: Path) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    made = httpx.post(f"{gateway.url}/api/tokens", json={"kind": "esp32cam"}, headers=headers, trust_env=False)

    with obliging_board(gateway, made.json()["token"], "door"):
        run_schemathesis(
            gateway,
            token,
            folder,
            "--include-path-regex",
            "^/api/devices",
            "--exclude-method",
            "DELETE",
            "--exclude-operation-id",
            "stream_camera",
            "--max-examples",
            "30",
            config='[parameters]\n"path.device" = "door"\n',
        )
        known = gateway.get("/api/devices/door", headers=headers).json()

    assert known["online"] is True
