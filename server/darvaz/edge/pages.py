"""The plain pages: sign-in, and what they need; a fixed list, read once, so that no path can leave it."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from darvaz.edge.problems import problem
from darvaz.first_start import SIGN_IN_PATH
from darvaz.parts import Parts

_FOLDER = Path(__file__).resolve().parent.parent / "pages"
_PAGES = {
    SIGN_IN_PATH: ("sign-in.html", "text/html"),
    "/pages/sign-in.js": ("sign-in.js", "text/javascript"),
    "/pages/plain.css": ("plain.css", "text/css"),
}
_HEADERS = {"Cache-Control": "no-cache"}


def page_routes(parts: Parts) -> list[Route]:
    """Returns the routes of the plain pages; `/` leads to what there is to see."""
    pages = [_page(path, (_FOLDER / name).read_bytes(), kind) for path, (name, kind) in _PAGES.items()]
    boards = [Route(kind.path, _send_boards_on, name=f"{kind.name} page") for kind in parts.protocol.kinds.values()]
    return [Route("/", _lead_on), *pages, *boards]


def _page(path: str, body: bytes, kind: str) -> Route:
    async def page(request: Request) -> Response:
        return Response(body, headers=_HEADERS, media_type=kind)

    return Route(path, page, name=path)


async def _lead_on(request: Request) -> Response:
    return RedirectResponse("/api/docs", 307, headers=_HEADERS)


async def _send_boards_on(request: Request) -> Response:
    """Answers whoever opens a board's path as a page."""
    said = f"{request.url.path} is for boards: connect to it by WebSocket, at ws://…{request.url.path}"
    return problem(426, "upgrade_required", said, headers={"Upgrade": "websocket"})
