"""A fast parser for plain requests, complete in one segment, and the bytes of plain answers.

It accepts only what can be read in one way; h11 reads and writes everything else. A test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import h11

HeaderList = list[tuple[bytes, bytes]]

# Names are tokens; no line folding and no control characters (RFC 9112, section 5): stricter than h11.
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rb"[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?"
_HEAD = re.compile(
    rb"(GET|POST|PUT|PATCH|DELETE) (/[\x21-\x7e]*) HTTP/1\.1\r\n((?:"
    + _NAME
    + rb":[ \t]*(?:"
    + _VALUE
    + rb")?\r\n)+)\r\n"
)
_ANSWER_HEAD = re.compile(rb"(?:" + _NAME + rb": (?:" + _VALUE + rb")?\r\n)+")
_LENGTH = re.compile(rb"[0-9]{1,8}")
HEAD_BYTES_MAX = 8_192
# Headers about bodies of other kinds and about other protocols are left to h11.
_NEVER = (b"transfer-encoding", b"expect", b"upgrade", b"http2-settings", b"trailer", b"te")
_NO_BODY = frozenset({204, 205, 304})


def parse_plain(data: bytes) -> tuple[h11.Request, bytes] | None:
    """Returns the request and its body if these bytes are one, plain and complete; else None."""
    match = _HEAD.match(data, 0, HEAD_BYTES_MAX)
    if match is None:
        return None
    headers = [_split(line) for line in match[3].split(b"\r\n")[:-1]]
    values = dict(headers)
    if b"host" not in values or any(name in values for name in _NEVER):
        return None
    if values.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    names = [name for name, _ in headers]
    if any(names.count(name) > 1 for name in (b"host", b"content-length", b"connection")):
        return None
    length = values.get(b"content-length", b"0")
    if _LENGTH.fullmatch(length) is None or int(length) != len(data) - match.end():
        return None
    return _request(match[1], match[2], headers), data[match.end() :]


def dump_answer(status: int, reason: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes | None:
    """Returns an answer as h11 writes it after a plain request; None for one that h11 is to write."""
    if status < 200 or status in _NO_BODY:
        return None
    head = b"".join([name + b": " + value + b"\r\n" for name, value in headers])
    if _ANSWER_HEAD.fullmatch(head) is None:
        return None
    names = [name.lower() for name, _ in headers]
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    if lengths != [b"%d" % len(body)] or any(name in names for name in (b"transfer-encoding", b"connection", b"host")):
        return None
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, reason, head, body)


def _split(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")


def _request(method: bytes, target: bytes, headers: HeaderList) -> h11.Request:
    """Returns what h11 would; what its constructor checks was checked."""
    request = h11.Request.__new__(h11.Request)
    for name, value in (("method", method), ("target", target), ("headers", headers), ("http_version", b"1.1")):
        object.__setattr__(request, name, value)
    return request
