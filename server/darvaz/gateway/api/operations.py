"""The table of operations: one row for each method and path makes the route, the checks and the OpenAPI."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from darvaz.gateway.access import Admitted, Caller, Need
from darvaz.gateway.access.decisions import UNSTORED
from darvaz.gateway.access.networks import network_of
from darvaz.gateway.api.bodies import BODY_BYTES_MAX, gone, read_body
from darvaz.gateway.api.types import PATH_WORDS, is_name
from darvaz.gateway.api.validation import describe_error
from darvaz.gateway.http.authorization import authorize, authorize_viewer
from darvaz.gateway.http.callers import caller_of
from darvaz.gateway.http.compression import compress_for
from darvaz.gateway.http.json_answers import JSON, NO_STORE, JsonAnswer
from darvaz.gateway.http.problems import problem, unknown_device
from darvaz.gateway.http.server_protocol import connection_of
from darvaz.gateway.parts import Parts
from darvaz.gateway.storage.reading import StoreBusyError, StoreReader

# How long an answer waits for the disk.
STORE_DEADLINE_S = 8.0
# How long it then waits for the other gateways to be able to know.
_SHARE_DEADLINE_S = 2.0
_NAME_CHARS_MAX = 64

# The caller of an operation that needs no authorization.
ANYONE = Admitted(None, "viewer")

_P = ParamSpec("_P")
_View = TypeVar("_View")
_T = TypeVar("_T")

Handler = Callable[["Call"], Any]


@dataclass(slots=True)
class Call:
    """One authorized request, with query and body as the operation declares them."""

    scope: Scope
    """Of the request, as ASGI describes it, with `path_params`."""
    parts: Parts
    caller: Caller
    admitted: Admitted = ANYONE
    query: Any = None
    body: Any = None

    @property
    def request(self) -> Request:
        """Returns the request without its body, which is read already."""
        return Request(self.scope)

    @property
    def device(self) -> str:
        """Returns the device id in the path."""
        return str(self.scope["path_params"]["device"])

    @property
    def is_operator(self) -> bool:
        return self.admitted.role in ("operator", "owner")

    @property
    def sharer(self) -> str:
        """Returns who shares a limit: a person, a token with the sessions that it opened, or else an address."""
        admitted = self.admitted
        return admitted.person or admitted.token_id or admitted.session_id or network_of(self.caller.address)

    @property
    def author(self) -> str:
        """Returns who does it, for the record: the name of a person, or the id of a token or session."""
        return self.admitted.name or self.sharer

    @property
    def is_limited(self) -> bool:
        """Whether the caller may see some boards only."""
        return self.admitted.limits is not None

    def may_see(self, device: str) -> bool:
        """Returns whether a board is one that the caller may see."""
        return self.parts.scopes.may_see(self.admitted.limits, device)

    async def read(
        self,
        reader: StoreReader[_View],
        function: Callable[Concatenate[_View, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Reads a store for this caller; raises `StoreBusyError` if the caller reads too much at once."""
        with self.parts.shares.reads.entered(self.sharer, is_operator=self.is_operator) as is_entered:
            if not is_entered:
                raise StoreBusyError("too many reads of the database at once; wait for the others")
            return await reader.read(function, *args, **kwargs)

    async def while_connected(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Returns the result of what may take long; if the caller leaves, ends it and raises `ClientDisconnect`."""
        connection, task = connection_of(self.scope), asyncio.current_task()
        assert task is not None
        has_left = connection.is_lost

        def leave() -> None:
            nonlocal has_left
            has_left = True
            task.cancel()

        if has_left:
            work.close()
            raise ClientDisconnect
        # Two tasks, one of which waits for the end of the connection, would cost more than a command.
        connection.on_lost = leave
        try:
            return await work
        except asyncio.CancelledError:
            if not has_left or task.uncancel():
                raise
            raise ClientDisconnect from None
        finally:
            connection.on_lost = None

    def is_still_admitted(self) -> bool:
        """Returns whether the caller may still see what a long response sends."""
        return self.parts.operators.is_still_admitted(self.admitted)

    def record(self, type_: str, payload: str = "", device: str | None = None, kind: str | None = None) -> None:
        """Journals a change that this request made, with the name of the person and their address."""
        address, name = self.caller.address or "", self.admitted.name
        self.parts.journal.record(device, kind, f"{name} ({address})" if name else address, "=", type_, payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one method on one path takes, does and answers.

    `handle` returns the answer, or a `Response` for a problem or an answer that is not JSON; it is a coroutine where it
    waits. Its name and docstring are the operation's. `need` is None where anyone may ask. `by_link` says that a view
    link is enough. `is_stored` says that the answer waits until what it changed is on the disk. `has_tag` says that
    the answer has an entity tag, so that one that has not changed is 304.
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
    body_bytes_max: int = BODY_BYTES_MAX
    is_body_optional: bool = False
    errors: tuple[int, ...] = ()
    by_link: bool = False
    is_stored: bool = False
    has_tag: bool = False
    other_answers: Mapping[int, Any] = field(default_factory=dict)
    decoder: msgspec.json.Decoder[Any] | None = field(init=False, default=None)
    is_waiting: bool = field(init=False, default=False)
    """Whether an answer may take longer than one step of the event loop."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_waiting", self.is_stored or inspect.iscoroutinefunction(self.handle))
        # Built here, so that a type that msgspec cannot decode fails at start.
        if self.body is not None:
            object.__setattr__(self, "decoder", msgspec.json.Decoder(self.body))

    @property
    def takes_no_query(self) -> bool:
        """Whether any parameter is a mistake; public operations and pictures ignore unknown ones."""
        return self.query is None and self.need is not None and self.media == (JSON,)

    @property
    def name(self) -> str:
        return self.handle.__name__

    @property
    def title(self) -> str:
        """Returns the first line of the handler's docstring."""
        return (self.handle.__doc__ or "").partition("\n")[0]

    @property
    def action(self) -> str:
        """Names the operation for the journal; nothing in it comes from the caller."""
        return f"{self.method} {self.path}"


def routes_of(operations: Iterable[Operation], parts: Parts) -> list[Route]:
    """Returns one route for each path, so that the answer to a wrong method lists all that are allowed."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [_route(path, by_method, parts) for path, by_method in by_path.items()]


def _route(path: str, by_method: dict[str, Operation], parts: Parts) -> Route:
    return Route(path, _Endpoint(by_method, parts), methods=list(by_method), name=path)


class _Endpoint:
    """The operations of one path, as an application: a function would get two more layers that handle its errors."""

    def __init__(self, by_method: Mapping[str, Operation], parts: Parts) -> None:
        self._by_method = by_method
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = "GET" if scope["method"] == "HEAD" else scope["method"]
        response = await _serve(self._by_method[method], Request(scope, receive, send), self._parts)
        await response(scope, receive, send)


async def _serve(operation: Operation, request: Request, parts: Parts) -> Response:
    call = begin_call(request.scope, parts)
    refused = await _authorize(operation, call) or check_request(operation, call)
    if refused is None and operation.decoder is not None:
        call.body = await read_body(request, operation.decoder, operation.is_body_optional, operation.body_bytes_max)
        refused = call.body if isinstance(call.body, Response) else None
    if refused is not None:
        return refused
    answer = await run(operation, call)
    return answer if isinstance(answer, Response) else respond(answer, operation.status)


def begin_call(scope: Scope, parts: Parts, caller: Caller | None = None) -> Call:
    """Returns the call of a request, which is not authorized yet."""
    names = scope["path_params"]
    if "device" in names:
        names["device"] = parts.protocol.device_ids.find(names["device"])
    return Call(scope, parts, caller or caller_of(scope))


async def run(operation: Operation, call: Call) -> Any:
    """Returns the answer of an operation, which was checked, once it may be sent."""
    parts = call.parts
    try:
        answer = operation.handle(call)
        if inspect.isawaitable(answer):
            answer = await answer
    except ClientDisconnect:
        return gone()
    if operation.is_stored and not await parts.store(STORE_DEADLINE_S):
        return unstored()
    if operation.is_stored:
        # Without the others it counts here, and they hear of it later.
        await parts.cluster.wait_until_shared(_SHARE_DEADLINE_S)
    return answer


async def _authorize(operation: Operation, call: Call) -> Response | None:
    """Sets who is admitted, or returns the response that refuses the caller."""
    if operation.need is None:
        return None
    if operation.by_link:
        query = call.request.query_params
        decision = await authorize_viewer(call.parts, call.scope, call.caller, query, call.device, operation.action)
    else:
        decision = await authorize(call.parts, call.scope, call.caller, operation.need, operation.action)
    if isinstance(decision, Response):
        return decision
    call.admitted = decision
    return None


def check_request(operation: Operation, call: Call) -> Response | None:
    """Sets the query as the operation declares it, or returns the problem that the path or the query has.

    A board that the caller may not see is one that is not there.
    """
    names = call.scope["path_params"]
    if call.is_limited and "device" in names and not call.may_see(call.device):
        return unknown_device(call.device)
    refused = _refuse_path(call.parts, names)
    if refused is not None:
        return refused
    if operation.query is not None:
        call.query = _read_query(call.request, operation.query)
    elif operation.takes_no_query and call.scope["query_string"] and call.request.query_params:
        name = next(iter(call.request.query_params))
        return problem(422, "invalid", f"unknown parameter {name[:_NAME_CHARS_MAX]!r}; this takes no parameters")
    return call.query if isinstance(call.query, Response) else None


def respond(answer: Any, status: int = 200) -> Response:
    """Returns an answer as JSON that is not cached; None becomes 204."""
    if answer is None:
        return Response(status_code=204, headers=NO_STORE)
    return JsonAnswer(status, msgspec.json.encode(answer)).to_response()


async def respond_if_changed(request: Request, body: bytes, headers: Mapping[str, str]) -> Response:
    """Returns large JSON, or 304 to a caller that has it: the tag in `headers` is one that it names."""
    named = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"].removeprefix("W/") in named:
        return Response(status_code=304, headers={**headers, "Vary": "Accept-Encoding"})
    body, more = await compress_for(request.headers.get("accept-encoding", ""), body)
    return Response(body, headers={**headers, **more}, media_type=JSON)


def without_body() -> Response:
    """Returns the answer to `HEAD` where `GET` would change something; its length is not known."""
    response = Response(headers=NO_STORE, media_type=JSON)
    del response.headers["content-length"]
    return response


def unstored() -> Response:
    """Returns the problem of a change that the disk does not take."""
    return problem(503, UNSTORED.code, UNSTORED.message, UNSTORED.retry_after_s)


def _refuse_path(parts: Parts, names: Mapping[str, str]) -> Response | None:
    """Returns the problem of a path with a name that breaks its rule."""
    for name, text in names.items():
        if name == "device" and parts.protocol.device_ids.resolve(text) is not None:
            continue
        if not is_name(name, text):
            return problem(404, "not_found", f"invalid {PATH_WORDS[name]} {text[:_NAME_CHARS_MAX]!r}")
    return None


def _read_query(request: Request, shape: type[msgspec.Struct]) -> Any:
    given = request.query_params.multi_items()
    twice = [name for name, count in Counter(name for name, _ in given).items() if count > 1]
    if twice:
        return problem(422, "invalid", f"parameter {twice[0][:_NAME_CHARS_MAX]!r} is given twice")
    try:
        return msgspec.convert(dict(given), shape, strict=False)
    except msgspec.ValidationError as error:
        # A query holds only text, whatever type was expected.
        return problem(422, "invalid", describe_error(str(error), shape).removesuffix(", got a string"))
