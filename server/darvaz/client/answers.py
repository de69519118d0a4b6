"""Answers of a gateway, or of what pretends to be one: read up to a size and a deadline. No I/O."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from darvaz.client.errors import GatewayError

ANSWER_BYTES_MAX = 32 * 1024 * 1024
"""Bytes of an answer, also of what is compressed in it. A list of 10,000 devices has 5."""
REFUSAL_BYTES_MAX = 64 * 1024
"""Bytes of an answer that says why not."""
_GZIP = 16 + zlib.MAX_WBITS
ENCODINGS = ("", "identity", "gzip")
"""The content encodings that are understood (RFC 9110, section 8.4)."""


class AnswerError(Exception):
    """A gateway does not answer so; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """A whole answer: its HTTP status, its headers by lower-case name, its body, and the host that sent it."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    host: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self, shape: Any = Any) -> Any:
        """Returns the body as JSON of a shape; raises `ValueError` for anything else."""
        try:
            return msgspec.json.decode(self.content, type=shape)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ValueError(str(error)) from None


class BodyReader:
    """Collects a body piece by piece; raises `AnswerError` for one that is too long, too slow or damaged."""

    def __init__(
        self, encoding: str, bytes_max: int, deadline_s: float, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        if encoding not in ENCODINGS:
            raise AnswerError(f"it is encoded as {encoding[:32]!r}")
        self._inflate = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
        self._bytes_max = bytes_max
        # Monotonic time at which the whole body must be there.
        self._until_s = monotonic_s() + deadline_s
        self._deadline_s = deadline_s
        self._monotonic_s = monotonic_s
        self._body = bytearray()

    def receive(self, data: bytes) -> None:
        """Takes the next piece as it came."""
        if self._monotonic_s() > self._until_s:
            raise AnswerError(f"it is not complete after {self._deadline_s:g} s")
        # One byte more than allowed tells that there are more.
        left_bytes = self._bytes_max - len(self._body) + 1
        try:
            self._body += data[:left_bytes] if self._inflate is None else self._inflate.decompress(data, left_bytes)
        except zlib.error:
            raise AnswerError("it is damaged") from None
        if len(self._body) > self._bytes_max:
            raise AnswerError(f"it has more than {self._bytes_max} bytes")

    def body(self) -> bytes:
        """Returns the whole body."""
        if self._inflate is not None and not self._inflate.eof:
            raise AnswerError("it is damaged")
        return bytes(self._body)


def strange(host: str, what: str, status: int = 0) -> GatewayError:
    """Returns the error for an answer that a gateway would not give."""
    return GatewayError(
        f"{host} does not answer as a Darvaz gateway does ({what}): is the address right?", status=status
    )
