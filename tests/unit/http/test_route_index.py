"""Routes are found by the shape of their path, as the router would find them."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from darvaz.gateway.http.route_index import IndexedRouter


async def show(request: Request) -> Response:
    return PlainTextResponse(f"{request.scope['endpoint'].__name__} {request.path_params}")


@pytest.fixture
def app() -> Starlette:
    app = Starlette()
    app.router = IndexedRouter(
        [
            Route("/", show),
            Route("/api/devices", show, methods=["GET"]),
            Route("/api/devices/{device}", show, methods=["GET"]),
            Route("/api/devices/{device}", show, methods=["DELETE"]),
            Route("/api/devices/{device}/frames/{time}.jpg", show),
        ]
    )
    return app


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/", 200, "show {}"),
        ("GET", "/api/devices", 200, "show {}"),
        ("GET", "/api/devices/a", 200, "show {'device': 'a'}"),
        ("DELETE", "/api/devices/a", 200, "show {'device': 'a'}"),
        ("GET", "/api/devices/a/frames/7.jpg", 200, "show {'device': 'a', 'time': '7'}"),
        ("POST", "/api/devices", 405, "Method Not Allowed"),
        ("PUT", "/api/devices/a", 405, "Method Not Allowed"),
        ("GET", "/api/devices/", 404, "Not Found"),
        ("GET", "/api/other/a", 404, "Not Found"),
        ("GET", "/api/devices/a/frames/7.png", 404, "Not Found"),
    ],
)
async def test_a_request_gets_to_its_route(app: Starlette, method: str, path: str, status: int, text: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        answer = await client.request(method, path)

    assert (answer.status_code, answer.text) == (status, text)
