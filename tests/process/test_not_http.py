"""Bytes that are not HTTP are answered with a problem as well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.rawsocket import REQUEST

DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /a b HTTP/1.1\r\n\r\n",
    ],
)
async def test_bytes_that_are_not_http_are_answered_with_a_problem(gateway: GatewayProcess, sent: bytes) -> None:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    assert head.startswith(b"HTTP/1.1 400 ") and b"content-type: application/problem+json" in head.lower()
    assert (json.loads(body)["status"], json.loads(body)["code"]) == (400, "not_http")


TWO_LENGTHS = "Content-Length: 5\r\nTransfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (TWO_LENGTHS, 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked, chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 400),
        ("Transfer-Encoding\t: chunked", 400),
        ("Transfer-Encoding:\tchunked", 200),
        ("Transfer-Encoding: chunked\t", 200),
        ("Transfer-Encoding: Chunked", 200),
        ("Content-Length: +5", 400),
    ],
)
async def test_nothing_is_read_after_a_request_whose_end_is_doubtful(
    gateway: GatewayProcess, fields: str, status: int
) -> None:
    next_request = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n\r\n0\r\n\r\n{next_request}".encode())
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("field", ["Content-Length: 3", "Transfer-Encoding: chunked"])
async def test_a_request_to_open_a_websocket_has_no_body(gateway: GatewayProcess, field: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(REQUEST.format(path="/ws/pico", more=f"{field}\r\n").encode())
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ") and b"has no body" in answer
