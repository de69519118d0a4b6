"""Parses the gateway's MJPEG stream: bytes in, frames with the time of their arrival out. No I/O."""

from __future__ import annotations

from collections.abc import Iterator

_HEAD_BYTES_MAX = 4096
_FRAME_BYTES_MAX = 16 * 1024 * 1024
_HEAD_END = b"\r\n\r\n"
# A header of the next part, which the gateway repeats until there is one.
_BEAT = b"X-Beat: 1\r\n"


class MultipartError(Exception):
    """The stream is not one of a gateway."""


class Multipart:
    """Parses a stream of parts, each a JPEG with its length and time in its head."""

    def __init__(self) -> None:
        # Bytes that do not complete a head or a JPEG yet.
        self._buffer = bytearray()
        # Header fields of the part whose JPEG is awaited, by lower-case name; None between parts.
        self._head: dict[str, str] | None = None

    def receive(self, data: bytes) -> Iterator[tuple[float, bytes]]:
        """Parses bytes; yields (Unix time, JPEG) of each frame that they complete."""
        self._buffer += data
        while True:
            if self._head is None and not self._take_head():
                return
            frame = self._take_body()
            if frame is None:
                return
            yield frame

    def _take_head(self) -> bool:
        while self._buffer.startswith(_BEAT):
            # Sent while there are no frames; for hours, they would be more than a head.
            del self._buffer[: len(_BEAT)]
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            if len(self._buffer) > _HEAD_BYTES_MAX:
                raise MultipartError("the head of a part does not end")
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + len(_HEAD_END)]
        pairs = (line.partition(":") for line in lines)
        self._head = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return True

    def _take_body(self) -> tuple[float, bytes] | None:
        assert self._head is not None
        try:
            length, unix_s = int(self._head["content-length"]), float(self._head["x-timestamp"])
        except (KeyError, ValueError):
            raise MultipartError("a part has no length or no time") from None
        if not 0 < length <= _FRAME_BYTES_MAX:
            raise MultipartError(f"a part of {length} bytes")
        if len(self._buffer) < length:
            return None
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._head = None
        return unix_s, data
