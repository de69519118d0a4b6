"""Answers in JSON as they go on the wire: the head of each status is made once a second, with the date."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES

from darvaz.gateway.http.plain_requests import HeaderList, dump_answer
from darvaz.gateway.http.security_headers import with_security

JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}
_EMPTY_LENGTH = b"content-length: 0\r\n"


class JsonAnswer(NamedTuple):
    """An answer that is not cached."""

    status: int
    body: bytes

    def to_response(self) -> Response:
        """Returns the same answer for ASGI."""
        return Response(self.body, self.status, headers=NO_STORE, media_type=JSON)


Answer = JsonAnswer | Response


class AnswerDumper:
    """Makes the bytes of answers. `common` are the server's headers, a new list for each second."""

    def __init__(self) -> None:
        self._common: HeaderList | None = None
        # By status: what is before the length of the body, and what is behind it.
        self._heads: dict[int, tuple[bytes, bytes]] = {}

    def dump(self, answer: Answer, common: HeaderList) -> bytes | None:
        """Returns an answer to a plain request; None for one that h11 is to write."""
        if isinstance(answer, Response):
            return _dump(answer, common)
        if common is not self._common:
            self._common = common
            self._heads.clear()
        status, body = answer
        head = self._heads.get(status)
        if head is None:
            empty = _dump(JsonAnswer(status, b"").to_response(), common)
            assert empty is not None
            before, after = empty.split(_EMPTY_LENGTH)
            head = self._heads[status] = (before + b"content-length: ", b"\r\n" + after)
        return b"%b%d%b%b" % (head[0], len(body), head[1], body)


def _dump(response: Response, common: HeaderList) -> bytes | None:
    headers = [*common, *with_security(response.raw_headers)]
    return dump_answer(response.status_code, STATUS_PHRASES[response.status_code], headers, bytes(response.body))
