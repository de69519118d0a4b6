"""Server-sent events over a real connection: a client that does not read, and a gateway that stops."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.board import board_at
from tests.support.event_stream import EventStream, open_stream
from tests.support.gateway import GatewayProcess

_DEADLINE_S = 20.0


@contextlib.asynccontextmanager
async def stream_of(gateway: GatewayProcess, query: str = "") -> AsyncIterator[EventStream]:
    timeout = httpx.Timeout(10, read=30)
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, verify=False, timeout=timeout) as client:
        async with open_stream(client, query) as stream:
            yield stream


async def test_a_client_that_does_not_read_gets_a_gap_and_delays_no_other() -> None:
    with GatewayProcess(env={"DARVAZ_MESSAGES_PER_S_MAX": "1000000"}) as gateway:
        reader, writer = await _slow_client(gateway)
        async with stream_of(gateway, "?types=log") as quick, board_at(gateway.ws_url, "loud") as board:
            total = 3_000
            for number in range(total):
                await board.send("log", message=f"{number} " + "x" * 8_000, level="info")
                if number % 100 == 99:
                    async with asyncio.timeout(_DEADLINE_S):
                        while not (await quick.next("log", "gap")).get("message", "").startswith(f"{number} "):
                            pass
            received = await _read_all_so_far(reader)
        writer.close()

    assert b"event: gap" in received
    assert received.rindex(b"event: gap") < received.rindex(f"{total - 1} x".encode()), "the newest are still there"
    # What the kernel holds, one queue and what was under way: the rest of the 24 MB was nowhere.
    assert len(received) < 12_000_000


async def _slow_client(gateway: GatewayProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a stream whose client has a small buffer and reads nothing."""
    link = socket.socket()
    # Before connecting, so that the window is never larger; less than this is read at a crawl.
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    link.connect(("127.0.0.1", gateway.port))
    reader, writer = await asyncio.open_connection(sock=link, limit=65_536)
    writer.write(b"GET /api/events?types=log HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"event: hello")
    return reader, writer


async def _read_all_so_far(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    with contextlib.suppress(TimeoutError):
        while True:
            received += await asyncio.wait_for(reader.read(65_536), 2)
    return bytes(received)


async def test_stopping_the_gateway_ends_streams_at_once() -> None:
    with GatewayProcess() as gateway:
        async with stream_of(gateway) as stream:
            stopping = asyncio.create_task(asyncio.to_thread(gateway.stop))

            with pytest.raises(EOFError):
                await stream.next("never")
            assert await stopping == 0
        assert "Cancel" not in gateway.log_text() and "Traceback" not in gateway.log_text()


async def test_a_stream_is_in_chunks_and_ends_in_order_except_for_a_client_that_knows_none() -> None:
    with GatewayProcess() as gateway:
        old_reader, old_writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        old_writer.write(b"GET /api/events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        old_head = await old_reader.readuntil(b"\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        async with board_at(gateway.ws_url, "seen"):
            pass
        await asyncio.to_thread(gateway.stop)
        old_body, body = await old_reader.read(), await reader.read()
        for each in (writer, old_writer):
            each.close()

    assert b"transfer-encoding: chunked" in head and b"connection: close" not in head
    assert body.endswith(b"\r\n0\r\n\r\n") and body.split(b"\r\n")[1].startswith(b"retry: ")
    assert b"transfer-encoding" not in old_head and old_body.startswith(b"retry: ")
