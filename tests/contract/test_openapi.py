"""The OpenAPI document: valid, complete and readable."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from openapi_spec_validator import validate
from starlette.routing import Route

from darvaz.gateway.api.routes import OPERATIONS
from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Not operations: links of devices, and pages for people other than the document's own.
PAGES = {"/", "/ws/pico", "/ws/esp32cam", "/sign-in", "/service-worker.js"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def document(gateway: RunningApp) -> dict[str, Any]:
    return dict((await gateway.get("/openapi.json")).json())


def is_page(path: str) -> bool:
    return path in PAGES or path.startswith("/pages/")


async def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")


async def test_the_document_has_exactly_the_operations_that_are_answered(
    gateway: RunningApp, document: dict[str, Any]
) -> None:
    routes = [route for route in gateway.app.routes if isinstance(route, Route) and not is_page(route.path)]

    answered = {(route.path, method) for route in routes for method in (route.methods or ()) if method != "HEAD"}
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert answered == described


async def test_every_operation_has_its_roles_and_security(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            is_elsewhere = not path.startswith("/api/") and path not in ("/metrics", "/mcp")
            is_public = is_elsewhere or operation["tags"] == ["Public"] or operation["operationId"] == "sign_in"
            assert (operation["security"] == []) is is_public, (method, path)
            # Programs of the gateway's own machine need no token.
            assert ({} in operation["security"]) is not is_public, (method, path)
            assert operation["summary"].endswith(".") and operation["description"].endswith(".")


async def test_names_of_operations_are_unique() -> None:
    names = [operation.name for operation in OPERATIONS]

    assert len(names) == len(set(names))


async def test_every_error_is_described_as_a_problem(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                is_health = operation["operationId"] == "read_health"
                if status >= "400" and not is_health:
                    assert list(answer["content"]) == ["application/problem+json"]


async def test_the_page_shows_every_operation_and_type_and_loads_nothing_from_other_hosts(
    gateway: RunningApp, document: dict[str, Any]
) -> None:
    page = (await gateway.get("/api/docs")).text

    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page
    for name in document["components"]["schemas"]:
        assert f'id="type-{name}"' in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'(?:href|src)="(?!#)([^"]+)"', page)) == {
        "../pages/styles/plain.css", "../openapi.json", "../asyncapi.json", "../protocol.json", "../",
    }  # fmt: skip
    assert "<script" not in page and "style=" not in page
