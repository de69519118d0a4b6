"""Streamed responses: each piece has a deadline, and the response ends when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PIECE_DEADLINE_S = 30.0
# At most this is given to the connection at once; the rest of a piece waits until it is read.
SENT_BYTES_MAX = 64 * 1024

Pieces = AsyncGenerator[bytes, None]


class StreamedResponse(Response):
    """Sends the pieces of a generator as they come; `HEAD` gets the headers only.

    If a client does not read a part of a piece within `PIECE_DEADLINE_S`, the response is left incomplete.
    """

    def __init__(
        self,
        pieces: Pieces,
        media_type: str,
        headers: Mapping[str, str] | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-store", **(headers or {})})
        # The length is not known in advance.
        del self.headers["content-length"]
        self._pieces = pieces
        # Called when the response is over, however it ends.
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD" or await self._pump(receive, send):
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._on_end()
            await self._pieces.aclose()

    async def _pump(self, receive: Receive, send: Send) -> bool:
        """Sends until the pieces end or the client leaves; returns whether all of them were sent."""
        sending = asyncio.ensure_future(self._send_all(send))
        leaving = asyncio.ensure_future(wait_for_disconnect(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            return sending.done() and sending.result()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, send: Send) -> bool:
        async for piece in self._pieces:
            for start in range(0, len(piece), SENT_BYTES_MAX):
                part = piece[start : start + SENT_BYTES_MAX]
                try:
                    async with asyncio.timeout(PIECE_DEADLINE_S):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                except TimeoutError:
                    return False
                # A client that reads fast would have the event loop for itself until the end of the piece.
                await asyncio.sleep(0)
        return True


async def wait_for_disconnect(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
