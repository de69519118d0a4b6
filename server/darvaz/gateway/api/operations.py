"""One table row for each request that the gateway answers: it makes the route, the checks and the OpenAPI."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from darvaz.gateway.access import Admitted, Caller, Need
from darvaz.gateway.api.types import PATH_TYPES
from darvaz.gateway.api.validation import describe_error
from darvaz.gateway.http.authorization import admit, admit_viewer
from darvaz.gateway.http.callers import caller_of
from darvaz.gateway.http.problems import problem
from darvaz.gateway.parts import Parts

BODY_BYTES_MAX = 16_384
BODY_DEADLINE_S = 15.0
JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}

Handler = Callable[["Call"], Awaitable[Any]]


@dataclass(slots=True)
class Call:
    """One request that was let in, with its query and body as the operation declares them."""

    request: Request
    parts: Parts
    caller: Caller
    admitted: Admitted
    query: Any = None
    body: Any = None

    @property
    def device(self) -> str:
        """Returns the device that the path names."""
        return str(self.request.path_params["device"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one method on one path takes, does and answers.

    `handle` returns the answer, or a `Response` where something is wrong or the answer is no JSON.
    Its name and docstring are the operation's. `need` is None where anyone may ask. `by_link` tells that a signed link
    will do.
    """

    method: str
    path: str
    tag: str
    handle: Handler
    need: Need | None
    answer: Any = None
    status: int = 200
    media: tuple[str, ...] = (JSON,)
    query: type[msgspec.Struct] | None = None
    body: Any = None
    is_body_optional: bool = False
    errors: tuple[int, ...] = ()
    by_link: bool = False
    other_answers: Mapping[int, Any] = field(default_factory=dict)
    decoder: msgspec.json.Decoder[Any] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        # Made here, so that a type that cannot be decoded is found when the gateway starts.
        if self.body is not None:
            object.__setattr__(self, "decoder", msgspec.json.Decoder(self.body))

    @property
    def takes_nothing(self) -> bool:
        """Whether a parameter is a slip of the pen; whoever asks for public things and pictures may add any."""
        return self.query is None and self.need is not None and self.media == (JSON,)

    @property
    def name(self) -> str:
        return self.handle.__name__

    @property
    def title(self) -> str:
        """Returns the first sentence of the handler's contract."""
        return (self.handle.__doc__ or "").partition("\n")[0]

    @property
    def doing(self) -> str:
        """Names the operation for the journal, without anything that the caller wrote."""
        return f"{self.method} {self.path}"


def routes_of(operations: Iterable[Operation], parts: Parts) -> list[Route]:
    """Returns one route a path, so that another method is answered with every one that is allowed."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [_route(path, by_method, parts) for path, by_method in by_path.items()]


def _route(path: str, by_method: dict[str, Operation], parts: Parts) -> Route:
    async def serve(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await _serve(by_method[method], request, parts)

    return Route(path, serve, methods=list(by_method), name=path)


async def _serve(operation: Operation, request: Request, parts: Parts) -> Response:
    admitted: Admitted | Response = Admitted(None, "viewer")
    if operation.need is not None:
        admitted = _admit(operation, operation.need, request, parts)
    if isinstance(admitted, Response):
        return admitted
    stray = _stray(request)
    if stray is not None:
        return stray
    call = Call(request, parts, caller_of(request.scope), admitted)
    if operation.query is not None:
        call.query = _read_query(request, operation.query)
    elif operation.takes_nothing and request.query_params:
        name = next(iter(request.query_params))
        return problem(422, "invalid", f"{name[:64]!r} is not known here; this takes no parameters")
    if isinstance(call.query, Response):
        return call.query
    if operation.decoder is not None:
        call.body = await _read_body(request, operation.decoder, operation.is_body_optional)
    if isinstance(call.body, Response):
        return call.body
    answer = await operation.handle(call)
    return answer if isinstance(answer, Response) else respond(answer, operation.status)


def _admit(operation: Operation, need: Need, request: Request, parts: Parts) -> Admitted | Response:
    if operation.by_link:
        return admit_viewer(request, parts, request.path_params["device"], operation.doing)
    return admit(request, parts, need, operation.doing)


def respond(answer: Any, status: int = 200) -> Response:
    """Returns an answer as JSON that nobody keeps; None is no content."""
    if answer is None:
        return Response(status_code=204, headers=NO_STORE)
    return Response(msgspec.json.encode(answer), status, headers=NO_STORE, media_type=JSON)


def _stray(request: Request) -> Response | None:
    """Returns the problem of a path in which something stands that nothing can be called."""
    for place, text in request.path_params.items():
        try:
            msgspec.convert(text, PATH_TYPES[place])
        except msgspec.ValidationError:
            return problem(404, "not_found", f"{text[:64]!r} is no {place} that there could be")
    return None


def _read_query(request: Request, shape: type[msgspec.Struct]) -> Any:
    given = request.query_params.multi_items()
    twice = [name for name, count in Counter(name for name, _ in given).items() if count > 1]
    if twice:
        return problem(422, "invalid", f"{twice[0][:64]!r} is given twice")
    try:
        return msgspec.convert(dict(given), shape, strict=False)
    except msgspec.ValidationError as error:
        # All that a query can hold is text, whatever was wanted.
        return problem(422, "invalid", describe_error(str(error), shape).removesuffix(", got a string"))


async def _read_body(request: Request, decoder: msgspec.json.Decoder[Any], is_optional: bool) -> Any:
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind != JSON:
        return problem(415, "not_json", f"the body is {JSON}")
    body = await _gather(request)
    if isinstance(body, Response):
        return body
    try:
        return decoder.decode(body if body or not is_optional else b"{}")
    except msgspec.ValidationError as error:
        if body.lstrip()[:1] == b"{":
            return problem(422, "invalid", describe_error(str(error), decoder.type))
        return problem(400, "not_json", "the body is one JSON object")
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return problem(400, "not_json", "the body is one JSON object")


async def _gather(request: Request) -> bytes | Response:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    return problem(413, "too_large", f"a body is at most {BODY_BYTES_MAX} bytes")
    except ClientDisconnect:
        return problem(400, "gone", "the request ended early")
    except TimeoutError:
        return problem(408, "too_slow", f"a body comes within {BODY_DEADLINE_S:g} s")
    return bytes(body)
