"""The frames of ESPHome's native API, plain and encrypted: bytes to messages and back, without sockets.

A plain frame is 00, the length and the type of a message as varints, and its bytes. An encrypted one is 01, the length
in two bytes, and a block of Noise that holds type and length in two bytes each, and the message
(esphome.io/components/api; aioesphomeapi's frame helpers are the client's side).
"""

from __future__ import annotations

from typing import Protocol

PLAIN, NOISE = 0x00, 0x01
# Of one message; a length in two bytes allows no more.
MESSAGE_BYTES_MAX = 65_535
_VARINT_BYTES_MAX = 5

# The type of a message, and its bytes.
Received = tuple[int, bytes]


class FramingError(Exception):
    """A client's bytes that are not frames; the text says why."""


class Framing(Protocol):
    """What turns the bytes of one connection into messages."""

    def receive(self, data: bytes) -> list[Received]:
        """Returns the messages that are complete now; raises `FramingError`."""

    def dump(self, type_: int, message: bytes) -> bytes:
        """Returns the frame of a message."""


class PlainFraming:
    """Frames without encryption."""

    def __init__(self) -> None:
        # What came of a frame that is not complete: less than one frame.
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[Received]:
        """Returns the messages that are complete now; raises `FramingError`."""
        self._buffer += data
        found: list[Received] = []
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def dump(self, type_: int, message: bytes) -> bytes:
        """Returns the frame of a message."""
        return b"\0" + _varint(len(message)) + _varint(type_) + message

    def _next(self) -> Received | None:
        if not self._buffer:
            return None
        if self._buffer[0] != PLAIN:
            raise FramingError(f"a frame begins with {self._buffer[0]:#04x}, not with 0x00")
        length = _read_varint(self._buffer, 1)
        if length is None:
            return None
        if length[0] > MESSAGE_BYTES_MAX:
            raise FramingError(f"a message has {length[0]} bytes; at most {MESSAGE_BYTES_MAX} are read")
        type_ = _read_varint(self._buffer, length[1])
        if type_ is None or len(self._buffer) < type_[1] + length[0]:
            return None
        end = type_[1] + length[0]
        message = bytes(self._buffer[type_[1] : end])
        del self._buffer[:end]
        return type_[0], message


class BlockFraming:
    """Frames of two bytes' length behind 01, whatever is in them: the handshake's and the encrypted ones."""

    def __init__(self) -> None:
        # What came of a frame that is not complete: less than one frame.
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[bytes]:
        """Returns the contents of the frames that are complete now; raises `FramingError`."""
        self._buffer += data
        found: list[bytes] = []
        while self._buffer:
            if self._buffer[0] != NOISE:
                raise FramingError("Bad indicator byte")
            end = 3 + int.from_bytes(self._buffer[1:3])
            if len(self._buffer) < max(3, end):
                break
            found.append(bytes(self._buffer[3:end]))
            del self._buffer[:end]
        return found


def dump_block(content: bytes) -> bytes:
    """Returns the frame of a handshake's or an encrypted content."""
    return b"\x01" + len(content).to_bytes(2) + content


def _varint(number: int) -> bytes:
    """Returns a number in groups of seven bits, the lowest first (Protocol Buffers encoding, "Base 128 Varints")."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _read_varint(data: bytearray, start: int) -> tuple[int, int] | None:
    """Returns the number at a position and where the next begins; None if it is not complete."""
    number = 0
    for index in range(_VARINT_BYTES_MAX):
        if start + index >= len(data):
            return None
        byte = data[start + index]
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, start + index + 1
    raise FramingError(f"a number has more than {_VARINT_BYTES_MAX} bytes")
