"""Operations that answer in JSON, without ASGI between them and the connection: what `http.direct_requests` calls."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Scope

from darvaz.gateway.api.bodies import decode_body, gone, refuse_media
from darvaz.gateway.api.operations import Call, Operation, begin_call, check_request, respond, run
from darvaz.gateway.api.path_table import PathTable
from darvaz.gateway.http.authorization import authorize, authorize_at_once
from darvaz.gateway.http.callers import caller_of
from darvaz.gateway.http.failures import FAILURES, answer_failure
from darvaz.gateway.http.json_answers import JSON, Answer, AnswerDumper, JsonAnswer
from darvaz.gateway.http.plain_requests import PlainHead, PlainRequest
from darvaz.gateway.parts import Parts

_CONTENT_TYPE = b"content-type"
# A proxy of this machine that is not trusted is told of.
_FORWARDED = b"x-forwarded-for"


class DirectOperations:
    """The operations whose answers are small and complete; for connections of clients, without a proxy between."""

    def __init__(self, operations: Iterable[Operation], parts: Parts) -> None:
        by_path: dict[str, dict[str, Operation]] = {}
        for operation in operations:
            if operation.media == (JSON,) and not operation.by_link:
                by_path.setdefault(operation.path, {})[operation.method] = operation
        self._table = PathTable(by_path)
        self._parts = parts
        self.answers = AnswerDumper()

    def find(self, method: str, path: str, request: PlainRequest) -> tuple[Operation, dict[str, str]] | None:
        """Returns the operation of a request and the names in its path, or None for what ASGI answers."""
        found = self._table.find(path)
        if found is None or _FORWARDED in request.head.values:
            return None
        operation = found[0].get(method)
        if operation is None or (operation.decoder is None and request.head.length):
            return None
        return operation, found[1]

    def begin(self, found: Operation, scope: Scope, request: PlainRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """Returns the answer, or what waits for it."""
        head = _head_of(scope, request)
        call = begin_call(scope, self._parts, head.caller)
        try:
            if found.need is not None:
                decision = authorize_at_once(call.parts, head, found.need, found.action)
                if decision is None:
                    return self._prove(found, call, request)
                if isinstance(decision, Response):
                    return decision
                call.admitted = decision
            return self._go_on(found, call, request)
        except FAILURES as error:
            return answer_failure(scope["method"], scope["path"], error)

    async def _prove(self, operation: Operation, call: Call, request: PlainRequest) -> Answer:
        """Answers a caller that the system is asked about."""
        scope, need = call.scope, operation.need
        assert need is not None
        try:
            decision = await authorize(call.parts, scope, call.caller, need, operation.action)
            if isinstance(decision, Response):
                return decision
            call.admitted = decision
            answer = self._go_on(operation, call, request)
        except FAILURES as error:
            return answer_failure(scope["method"], scope["path"], error)
        return await answer if isinstance(answer, Coroutine) else answer

    def _go_on(self, operation: Operation, call: Call, request: PlainRequest) -> Answer | Coroutine[Any, Any, Answer]:
        refused = check_request(operation, call) or _read_body(operation, call, request)
        if refused is not None:
            return refused
        if operation.is_waiting:
            return _wait(operation, call)
        try:
            return _dump(operation, operation.handle(call))
        except ClientDisconnect:
            return gone()


async def _wait(operation: Operation, call: Call) -> Answer:
    try:
        answer = await run(operation, call) if operation.is_stored else await operation.handle(call)
        return _dump(operation, answer)
    except ClientDisconnect:
        return gone()
    except FAILURES as error:
        return answer_failure(call.scope["method"], call.scope["path"], error)


def _head_of(scope: Scope, request: PlainRequest) -> PlainHead:
    """Returns the head of a request with its caller, which is that of the request before it, if the headers are."""
    head = request.head
    if scope["query_string"]:
        # A query makes another caller of the same headers.
        head = PlainHead(head.text, head.headers, head.values, head.length)
    if head.caller is None:
        head.caller = caller_of(scope)
    return head


def _read_body(operation: Operation, call: Call, request: PlainRequest) -> Response | None:
    """Sets the body as the operation declares it, or returns the problem that it has."""
    if operation.decoder is None:
        return None
    media = request.head.values.get(_CONTENT_TYPE)
    refused = refuse_media(None if media is None else media.decode("latin-1"))
    if refused is not None:
        return refused
    call.body = decode_body(request.body, operation.decoder, operation.is_body_optional, operation.body_bytes_max)
    return call.body if isinstance(call.body, Response) else None


def _dump(operation: Operation, answer: Any) -> Answer:
    """Returns an answer as it is sent."""
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return respond(None)
    return JsonAnswer(operation.status, msgspec.json.encode(answer))
