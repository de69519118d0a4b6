"""Routes of the dashboard's files: a fixed list, read once at start, so that no path leads out of the folder."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

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
}
_COMMENTS = re.compile(rb"^[ \t]*(?://[^\n]*|/\*\*(?:(?!\*/).)*\*/)[ \t]*\n", re.MULTILINE | re.DOTALL)
_TYPES = re.compile(rb"/\*\* @type \{[^\n]*?\} \*/ ?")
_STYLE_COMMENTS = re.compile(rb"/\*.*?\*/\n?", re.DOTALL)
_INDENTATION = re.compile(rb"^\s+", re.MULTILINE)
# What formatters put behind the last of several lines.
_LAST_COMMA = re.compile(rb",(?=\n[)\]}])")
# Before a colon a blank has a meaning, in a selector.
_STYLE_BLANKS = re.compile(rb'("[^"\n]*")|\s*([{};,])\s*|(:) +')
# A line that only goes on in the next one; one with // in it may have a comment at its end.
_BROKEN_LINE = re.compile(rb"^((?:(?!//)[^\n])*)(?:(?<=[,({\[])\n|\n(?=[)\]}.?:&|]))", re.MULTILINE)
# In backticks, one may be inside of another one: then its braces do not match.
_TEMPLATE = rb"`(?:[^`\\\n]|\\.)*`"
_TEXT = rb'(?:"(?:[^"\\\n]|\\.)*"|' + _TEMPLATE + rb")"
# Outside of texts / may begin a pattern or a comment.
_PLAIN_LINE = re.compile(rb"^(?:[^\"'`/\n]|" + _TEXT + rb")+$", re.MULTILINE)
# Not beside + and -, which have another meaning twice.
_TEXT_OR_SIGN = re.compile(_TEXT + rb"| *(=>|[=<>!]=+|&&|\|\||\?\?|[=,;{}()?:|&<>*\[\]]) *")
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
    return tuple(_page(_path_of(file), file) for file in files)


def as_sent(file: Path) -> bytes:
    """Returns a file as it is sent: without types and the comments that have lines of their own, nothing indented.

    A statement of several lines becomes one, without the blanks beside signs. A text of several lines in a script would
    lose its indentation; `test_pages` holds that there is none.
    """
    body = file.read_bytes()
    if file.suffix == ".js":
        body = _TYPES.sub(b"", _COMMENTS.sub(b"", body))
    elif file.suffix == ".css":
        body = _STYLE_COMMENTS.sub(b"", body)
    if file.suffix in (".js", ".css"):
        body = _INDENTATION.sub(b"", body)
    if file.suffix == ".css":
        return _STYLE_BLANKS.sub(rb"\1\2\3", body)
    if file.suffix != ".js":
        return body
    return _PLAIN_LINE.sub(_without_blanks, _BROKEN_LINE.sub(rb"\1", _LAST_COMMA.sub(b"", body)))


def _without_blanks(line: re.Match[bytes]) -> bytes:
    if any(text.count(b"{") != text.count(b"}") for text in re.findall(_TEMPLATE, line[0])):
        return line[0]
    return _TEXT_OR_SIGN.sub(lambda found: found[1] or found[0], line[0])


def _path_of(file: Path) -> str:
    return _PATHS.get(file.name, f"/pages/{file.relative_to(_FOLDER).as_posix()}")


def _page(path: str, file: Path) -> Route:
    body = as_sent(file)
    # Once, at the best level: it is sent to a phone on a slow network more often than the gateway starts.
    packed = gzip.compress(body, mtime=0)
    # Browsers check the ETag at every use, so that a new version is used at once. Weak: it is of both encodings.
    headers = {
        "Cache-Control": "no-cache",
        "ETag": f'W/"{hashlib.sha256(body).hexdigest()[:24]}"',
        "Vary": "Accept-Encoding",
    }

    async def page(request: Request) -> Response:
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if accepts_gzip(request.headers.get("accept-encoding", "")):
            return Response(
                packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=_MEDIA_TYPES[file.suffix]
            )
        return Response(body, headers=headers, media_type=_MEDIA_TYPES[file.suffix])

    return Route(path, page, name=path)


async def _refuse_page(request: Request) -> Response:
    """Refuses a request for a page at a path of boards."""
    detail = f"{request.url.path} is for boards: connect to it by WebSocket, at ws://…{request.url.path}"
    return problem(426, "upgrade_required", detail, headers={"Upgrade": "websocket"})
