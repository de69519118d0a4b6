"""A fast parser for plain requests that come in one segment, and the bytes of plain answers.

It accepts only what can be read in one way; h11 reads and writes everything else. A test compares the two. Clients
repeat their headers: those of the last request are not parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import h11

HeaderList = list[tuple[bytes, bytes]]

# Names are tokens; no line folding and no control characters (RFC 9112, section 5): stricter than h11.
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rb"[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?"
_REQUEST_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/[\x21-\x7e]*) HTTP/1\.1\r\n")
_HEADERS = re.compile(rb"(?:" + _NAME + rb":[ \t]*(?:" + _VALUE + rb")?\r\n)+")
_ANSWER_HEAD = re.compile(rb"(?:" + _NAME + rb": (?:" + _VALUE + rb")?\r\n)+")
_LENGTH = re.compile(rb"[0-9]{1,8}")
HEAD_BYTES_MAX = 8_192
# Headers about bodies of other kinds and about other protocols are left to h11.
_NEVER = frozenset((b"transfer-encoding", b"expect", b"upgrade", b"http2-settings", b"trailer", b"te"))
_ONCE = (b"host", b"content-length", b"connection", b"content-type")
_NO_BODY, _NO_LENGTH = frozenset({204, 205, 304}), frozenset({204, 304})


class PlainHead:
    """The headers of a plain request: as they came, in lower case, by name, and the length of the body."""

    __slots__ = ("admission", "caller", "headers", "length", "text", "values")

    def __init__(self, text: bytes, headers: HeaderList, values: dict[bytes, bytes], length: int) -> None:
        self.text = text
        self.headers = headers
        self.values = values
        self.length = length
        self.caller: Any = None
        self.admission: Any = None
        """What was made of them, for the next request of this connection that has the same."""


class PlainRequest:
    """One plain request, of whose body the end may be missing."""

    __slots__ = ("body", "head", "method", "target")

    def __init__(self, method: bytes, target: bytes, head: PlainHead, body: bytes) -> None:
        self.method = method
        self.target = target
        self.head = head
        self.body = body

    @property
    def is_complete(self) -> bool:
        return len(self.body) == self.head.length

    def to_h11(self) -> h11.Request:
        """Returns the request as h11 would; what its constructor checks was checked."""
        request = h11.Request.__new__(h11.Request)
        fields = (
            ("method", self.method), ("target", self.target), ("headers", self.head.headers), ("http_version", b"1.1")
        )  # fmt: skip
        for name, value in fields:
            object.__setattr__(request, name, value)
        return request


def parse_plain(data: bytes, last: PlainHead | None = None) -> PlainRequest | None:
    """Returns the request if these bytes are one, plain and complete; else None."""
    request = parse_begun(data, last)
    return request if request is not None and request.is_complete else None


def parse_begun(data: bytes, last: PlainHead | None = None) -> PlainRequest | None:
    """Returns the request if these bytes begin one that is plain, with its whole head, and nothing is behind it.

    `last` is the head of the request before it on this connection.
    """
    line = _REQUEST_LINE.match(data)
    if line is None:
        return None
    start = line.end()
    # Behind an empty list of headers there would be one more line end.
    end = data.find(b"\r\n\r\n", start, HEAD_BYTES_MAX)
    if end < 0:
        return None
    text = data[start : end + 2]
    head = last if last is not None and last.text == text else _parse_headers(text)
    if head is None or len(data) - end - 4 > head.length:
        return None
    return PlainRequest(line[1], line[2], head, data[end + 4 :])


def _parse_headers(text: bytes) -> PlainHead | None:
    if _HEADERS.fullmatch(text) is None:
        return None
    headers = [_split(line) for line in text.split(b"\r\n")[:-1]]
    values = dict(headers)
    if b"host" not in values or not _NEVER.isdisjoint(values):
        return None
    if values.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    if len(values) < len(headers):
        names = [name for name, _ in headers]
        if any(names.count(name) > 1 for name in _ONCE):
            return None
    length = values.get(b"content-length", b"0")
    return None if _LENGTH.fullmatch(length) is None else PlainHead(text, headers, values, int(length))


def dump_answer(status: int, reason: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes | None:
    """Returns an answer as h11 writes it after a plain request; None for one that h11 is to write."""
    if status < 200 or (status in _NO_BODY and (body or status not in _NO_LENGTH)):
        return None
    head = b"".join([name + b": " + value + b"\r\n" for name, value in headers])
    # A value with a line end would be two headers.
    if head.count(b"\r\n") != len(headers) or _ANSWER_HEAD.fullmatch(head) is None:
        return None
    names = [name.lower() for name, _ in headers]
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    if any(name in names for name in (b"transfer-encoding", b"connection", b"host")):
        return None
    if lengths != ([] if status in _NO_LENGTH else [b"%d" % len(body)]):
        return None
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, reason, head, body)


def _split(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")
