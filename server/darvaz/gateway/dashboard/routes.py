"""Routes of the dashboard's files: a fixed list, read once at start, so that no path leads out of the folder.

Each file is served as it is written, without comments. Pages use the same once more, in few files and below a folder
whose name changes with what is in them, so that browsers keep them.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darvaz.gateway.dashboard.bundles import bundled
from darvaz.gateway.dashboard.minify import as_sent
from darvaz.gateway.http.compression import accepts_gzip
from darvaz.gateway.http.problems import problem
from darvaz.gateway.parts import Parts
from darvaz.gateway.sign_in_hint import SIGN_IN_PATH

_FOLDER = Path(__file__).resolve().parent
_MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/manifest+json",
    ".map": "application/json",
}
_KEPT = "public, max-age=31536000, immutable"
_STYLE_IMPORT = re.compile(rb'@import "([^"]+)";\s*')
# What the first page names of scripts and styles, and the folder of them.
_USED = re.compile(rb'\bpages/(?=(?:[\w/-]+\.(?:js|css)(?:\?\w+)?)?")')
# Files with their own path; the others are below /pages/. A service worker is for the pages below its own folder.
_PATHS = {"index.html": "/", "sign-in.html": SIGN_IN_PATH, "service-worker.js": "/service-worker.js"}


def page_routes(parts: Parts) -> list[Route]:
    """Returns a route for each file, and for each path of boards one that refuses a request for a page."""
    boards = [Route(kind.path, _refuse_page, name=f"{kind.name} page") for kind in parts.protocol.kinds.values()]
    return [*file_routes(), *boards]


@cache
def file_routes() -> tuple[Route, ...]:
    """Returns a route for each file; they are read and packed once in a process."""
    files = [file for file in sorted(_FOLDER.rglob("*")) if file.suffix in _MEDIA_TYPES]
    sent = {file.relative_to(_FOLDER).as_posix(): as_sent(file) for file in files}
    kept = _kept_files(sent)
    version = hashlib.sha256(repr(sorted(kept.items())).encode()).hexdigest()[:16]
    sent["index.html"] = _USED.sub(f"pages/kept/{version}/".encode(), sent["index.html"])
    routes = [_page(_PATHS.get(PurePosixPath(name).name, f"/pages/{name}"), body) for name, body in sent.items()]
    # Another gateway behind the same address may be of another version: its pages get these, and do not keep them.
    return (*routes, *(_page(f"/pages/kept/{{version}}/{name}", body, version) for name, body in kept.items()))


def _kept_files(sent: dict[str, bytes]) -> dict[str, bytes]:
    """Returns what pages load, by path: scripts in few files, and styles that import others in one."""
    scripts = {name: body.decode() for name, body in sent.items() if name.endswith(".js")}
    styles = {name: body for name, body in sent.items() if name.endswith(".css")}
    kept = {name: text.encode() for name, text in bundled(scripts).items()}
    kept["start.js"] = sent["start.js"]
    for name, body in styles.items():
        kept[name] = _STYLE_IMPORT.sub(lambda found: styles[f"styles/{found[1].decode()}"], body)
    return kept


def _page(path: str, body: bytes, version: str = "") -> Route:
    # Once, at the best level: it is sent to a phone on a slow network more often than the gateway starts.
    packed = cache(lambda: gzip.compress(body, mtime=0))
    if version:
        packed()
    suffix = PurePosixPath(path).suffix or ".html"
    # Weak: it is of both encodings.
    common = {"ETag": f'W/"{hashlib.sha256(body).hexdigest()[:24]}"', "Vary": "Accept-Encoding"}

    async def page(request: Request) -> Response:
        # Browsers check the ETag of what they must not keep at every use, so that a new version is used at once.
        is_kept = bool(version) and request.path_params["version"] == version
        headers = {**common, "Cache-Control": _KEPT if is_kept else "no-cache"}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if accepts_gzip(request.headers.get("accept-encoding", "")):
            return Response(packed(), headers={**headers, "Content-Encoding": "gzip"}, media_type=_MEDIA_TYPES[suffix])
        return Response(body, headers=headers, media_type=_MEDIA_TYPES[suffix])

    return Route(path, page, name=path)


async def _refuse_page(request: Request) -> Response:
    """Refuses a request for a page at a path of boards."""
    detail = f"{request.url.path} is for boards: connect to it by WebSocket, at ws://…{request.url.path}"
    return problem(426, "upgrade_required", detail, headers={"Upgrade": "websocket"})
