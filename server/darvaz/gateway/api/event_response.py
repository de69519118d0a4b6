"""The response of a stream of events: what a client missed is sent while it waits, the rest as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from darvaz.gateway.http.server_protocol import ResponseBody, connection_of
from darvaz.gateway.http.streaming import PIECE_DEADLINE_S, wait_for_disconnect
from darvaz.gateway.storage.reading import StoreBusyError, StoreError

log = logging.getLogger("darvaz.events")

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # Without it, nginx keeps events until its buffer is full.
    (b"x-accel-buffering", b"no"),
]


class EventBody:
    """The body of one response, until its client has what it missed."""

    def __init__(self, sender: ResponseBody) -> None:
        self.sender = sender
        # Is called when the response is over, however it ends.
        self.on_end: Callable[[], None] = _nothing
        self._resumed = asyncio.Event()
        sender.on_resumed = self._resumed.set

    async def send(self, piece: bytes) -> None:
        """Sends a piece, once the client has read enough of the others; raises `TimeoutError` if it does not."""
        if self.sender.is_paused:
            self._resumed.clear()
            async with asyncio.timeout(PIECE_DEADLINE_S):
                await self._resumed.wait()
        self.sender.write(piece)


class EventResponse(Response):
    """Serves a client with a function, and goes on until the client leaves or the body is ended."""

    def __init__(self, serve: Callable[[EventBody], Awaitable[None]], on_end: Callable[[], None]) -> None:
        super().__init__()
        self.raw_headers = HEADERS
        self._serve = serve
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                await send({"type": "http.response.body", "body": b""})
            else:
                await self._stream(EventBody(connection_of(scope).open_chunked_body(HEADERS)), receive)
        finally:
            self._on_end()

    async def _stream(self, body: EventBody, receive: Receive) -> None:
        serving = asyncio.ensure_future(self._serve(body))
        leaving = asyncio.ensure_future(wait_for_disconnect(receive))
        try:
            await asyncio.wait((serving, leaving), return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                self._check(serving, body)
                await leaving
        finally:
            for task in (serving, leaving):
                task.cancel()
            with contextlib.suppress(Exception):
                await asyncio.gather(serving, leaving, return_exceptions=True)
            body.on_end()

    def _check(self, serving: asyncio.Future[None], body: EventBody) -> None:
        """Cuts a connection that cannot be served: its client comes back, and its head was sent."""
        error = serving.exception()
        if error is None:
            return
        if not isinstance(error, TimeoutError | StoreBusyError | StoreError):
            log.error("= a stream of events failed", exc_info=error)
        body.sender.abort("the missed events cannot be sent")


def _nothing() -> None:
    """Stands where nothing is to be done."""
