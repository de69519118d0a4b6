"""The pages for people: dashboard, sign-in, and what they need; a fixed list, read once, so that no path leaves it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darvaz.gateway.http.problems import problem
from darvaz.gateway.parts import Parts
from darvaz.gateway.sign_in_hint import SIGN_IN_PATH

_FOLDER = Path(__file__).resolve().parent
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
# What has a path of its own; the other files are below /pages/.
_PATHS = {"index.html": "/", "sign-in.html": SIGN_IN_PATH}


def page_routes(parts: Parts) -> list[Route]:
    """Returns the routes of the pages, and the answer to whoever opens a board's path as one."""
    files = [file for file in sorted(_FOLDER.rglob("*")) if file.suffix in _KINDS]
    boards = [Route(kind.path, _send_boards_on, name=f"{kind.name} page") for kind in parts.protocol.kinds.values()]
    return [*(_page(_path_of(file), file) for file in files), *boards]


def _path_of(file: Path) -> str:
    return _PATHS.get(file.name, f"/pages/{file.relative_to(_FOLDER).as_posix()}")


def _page(path: str, file: Path) -> Route:
    body = file.read_bytes()
    # Browsers ask every time, so that a new version is there at once, and mostly learn that they have it.
    headers = {"Cache-Control": "no-cache", "ETag": f'"{hashlib.sha256(body).hexdigest()[:24]}"'}

    async def page(request: Request) -> Response:
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=_KINDS[file.suffix])

    return Route(path, page, name=path)


async def _send_boards_on(request: Request) -> Response:
    """Answers whoever opens a board's path as a page."""
    said = f"{request.url.path} is for boards: connect to it by WebSocket, at ws://…{request.url.path}"
    return problem(426, "upgrade_required", said, headers={"Upgrade": "websocket"})
