"""Bytes that are not HTTP are answered with a problem as well."""

from __future__ import annotations

import asyncio
import http.client
import json
from contextlib import closing

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.rawsocket import REQUEST

DEADLINE_S = 20.0


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


NEXT = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
# Codings in spellings that one reader may understand and another not.
CODINGS = [
    "chunked", "Chunked", "\tchunked", "chunked\t", "chunked,", ",chunked", "chunked, chunked", "gzip, chunked",
    "chunked, gzip", "identity", "chunked, identity", "identity, chunked", "chunked;q=1", "chunked x", "xchunked",
    '"chunked"', "chunked\x0b", "\x0bchunked", "chun\x00ked", "chunked\x00", "", "deflate", "cow",
    "chunked\x7f", "\xa0chunked",
]  # fmt: skip
# Header lines with a coding, each also with a Content-Length.
LINES = [
    "Transfer-Encoding: %s", "Transfer-Encoding : %s", " Transfer-Encoding: %s", "\tTransfer-Encoding: %s",
    "X: y\r\n Transfer-Encoding: %s", "X: y\nTransfer-Encoding: %s", "X: y\rTransfer-Encoding: %s",
    "Transfer-Encoding\x00: %s", "Transfer-Encoding:\r\n %s", "Transfer-Encoding:\n%s", "transfer-encoding:%s",
    "Transfer-Encoding\xff: %s", ": %s", "Transfer-Encoding %s", "Transfer-Encoding=%s",
]  # fmt: skip
LENGTHS = [
    "+5", "-5", "0x5", "5 5", "5,6", "5.0", "5e0", "", "five", "5\x00", "5;", "\x0b5", "5\x0b", "\xb2",
]  # fmt: skip
CHUNKS = [
    "+0\r\n\r\n", "-0\r\n\r\n", "0x0\r\n\r\n", "g\r\n\r\n", "\r\n0\r\n\r\n",
    "5\r\nhelloX\r\n0\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "FFFFFFFFFFFFFFFFFFFFFFFFF\r\n", "5\r\nhello\r\n0\r\n\r\n", "0;a=b\r\n\r\n",
]  # fmt: skip


def doubtful_requests() -> list[str]:
    """Returns requests, each with another one behind it, whose end may be understood in two ways."""
    fields = [f"Transfer-Encoding: {coding}" for coding in CODINGS]
    fields += [line % "chunked" for line in LINES]
    fields += [f"{line % 'chunked'}\r\nContent-Length: 5" for line in LINES]
    fields += [f"Content-Length: 5\r\nTransfer-Encoding: {coding}" for coding in CODINGS[:6]]
    fields += [f"Content-Length: {length}" for length in LENGTHS]
    fields += ["Content-Length: 5\r\nContent-Length: 6", "Content-Length : 5", " Content-Length: 5"]
    fields += [f"Transfer-Encoding: chunked\r\nTransfer-Encoding: {coding}" for coding in ("chunked", "identity")]
    requests = [f"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n{field}\r\n\r\n0\r\n\r\n{NEXT}" for field in fields]
    head = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    return requests + [f"{head}{chunk}{NEXT}" for chunk in CHUNKS]


async def answers_to(gateway: GatewayProcess, sent: str) -> bytes:
    """Sends bytes and returns everything that comes until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(sent.encode("latin-1"))
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_nothing_is_read_after_a_request_whose_end_is_doubtful(gateway: GatewayProcess) -> None:
    sent = doubtful_requests()

    async with asyncio.timeout(DEADLINE_S):
        received = [await answers_to(gateway, request) for request in sent]

    assert len(sent) > 80
    assert [request for request, got in zip(sent, received, strict=True) if got.count(b"HTTP/1.1 ") > 1] == []
    assert b"HTTP/1.1 400 " in received[-1] or b"connection: close" in received[-1].lower()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Transfer-Encoding:\tchunked", 200),
        ("X: y\r\n Transfer-Encoding: chunked", 400),
        ("Content-Length: +5", 400),
    ],
)
async def test_a_doubtful_request_is_answered_once(gateway: GatewayProcess, fields: str, status: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        answer = await answers_to(
            gateway, f"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n\r\n0\r\n\r\n{NEXT}"
        )

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("version", ["2.0", "0.9", "3.0"])
async def test_another_version_of_http_is_refused(gateway: GatewayProcess, version: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        answer = await answers_to(gateway, f"GET /health HTTP/{version}\r\nHost: 127.0.0.1\r\n\r\n{NEXT}")

    assert answer.startswith(b"HTTP/1.1 505 ") and answer.count(b"HTTP/1.1 ") == 1


async def test_an_absolute_target_is_understood(gateway: GatewayProcess) -> None:
    head = f"GET http://127.0.0.1:{gateway.port}/health HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n"

    async with asyncio.timeout(DEADLINE_S):
        answer = await answers_to(gateway, head)

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("field", ["Content-Length: 3", "Transfer-Encoding: chunked"])
async def test_a_request_to_open_a_websocket_has_no_body(gateway: GatewayProcess, field: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(REQUEST.format(path="/ws/pico", more=f"{field}\r\n").encode())
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ") and b"has no body" in answer


async def test_plain_requests_are_answered_as_all_others_are(gateway: GatewayProcess) -> None:
    """h11 reads those with another header, which means nothing here."""
    json_type, timely = {"Content-Type": "application/json"}, ("date", "retry-after", "content-disposition")
    sent: list[tuple[str, str, bytes | None, dict[str, str]]] = [
        ("GET", "/api/openapi.json", None, {}),
        ("GET", "/", None, {"Accept-Encoding": "gzip"}),
        ("GET", "/api/devices?limit=0", None, {}),
        ("GET", "/api/devices", None, {"Authorization": "Bearer dvz_wrong"}),
        ("GET", "/api/devices", None, {"Host": "other.example"}),
        ("GET", "/nothing?x=%ff", None, {"Connection": "keep-alive"}),
        ("DELETE", "/api/devices/nobody", None, {}),
        ("POST", "/api/devices/nobody/commands/wave", b'{"a":1}', json_type),
        ("POST", "/api/devices/nobody/commands/wave", b"[]", json_type),
        ("POST", "/api/devices/nobody/commands/wave", b"{}", {"Content-Type": "text/plain"}),
        ("PATCH", "/api/devices/nobody", b" " * 20_000, json_type),
        ("PUT", "/api/health", b"{}", json_type),
        ("GET", "/api/journal/export?type=none", None, {}),
    ]

    def answers(**more: str) -> list[object]:
        with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=DEADLINE_S)) as link:
            found: list[object] = []
            for method, path, body, headers in sent:
                link.request(method, path, body, {**headers, **more})
                answer = link.getresponse()
                fields = [each for each in answer.getheaders() if each[0].lower() not in timely]
                found.append((method, path, answer.status, answer.reason, fields, answer.read()))
            return found

    assert await asyncio.to_thread(answers) == await asyncio.to_thread(answers, TE="trailers")
