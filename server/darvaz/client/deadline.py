"""Requests whose answer has to begin by a deadline: connection, request and head of the answer together.

httpx limits each read alone, so an answer whose head comes byte by byte would never end.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

_LATE = "its answer has not begun in time"
_until_s: ContextVar[float | None] = ContextVar("until_s", default=None)


@contextlib.contextmanager
def opened(http: httpx.Client, deadline_s: float, **options: Any) -> Iterator[httpx.Response]:
    """Sends a request of a client with a `DeadlineTransport`, and lends the answer once its head is there.

    Raises `httpx.ReadTimeout` after the deadline. `options` are those of `httpx.Client.stream`.
    """
    with contextlib.ExitStack() as stack:
        reset = _until_s.set(time.monotonic() + deadline_s)
        try:
            response = stack.enter_context(http.stream(**options))
        finally:
            _until_s.reset(reset)
        yield response


@contextlib.asynccontextmanager
async def opened_async(http: httpx.AsyncClient, deadline_s: float, **options: Any) -> AsyncIterator[httpx.Response]:
    """Does the same for a client of asyncio."""
    # Most verbs do without it; to import it takes a tenth of their time.
    import asyncio

    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(deadline_s):
                response = await stack.enter_async_context(http.stream(**options))
        except TimeoutError:
            raise httpx.ReadTimeout(_LATE) from None
        yield response


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's transport over HTTP/1.1, whose waits end at the deadline of `opened`, where there is one."""

    def __init__(self, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify, trust_env=False)
        # httpx has no argument for it.
        self._pool = httpcore.ConnectionPool(ssl_context=verify, network_backend=_Backend())


class _Backend(httpcore.SyncBackend):
    """Opens connections whose waits are shortened."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(super().connect_tcp(host, port, _left_s(timeout), local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    """One connection; `_stream` is httpcore's own."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left_s(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left_s(timeout: float | None) -> float | None:
    """Returns the shorter of a wait and what is left of the deadline; raises `httpcore.ReadTimeout` after it."""
    until_s = _until_s.get()
    if until_s is None:
        return timeout
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise httpcore.ReadTimeout(_LATE)
    return left_s if timeout is None else min(timeout, left_s)
