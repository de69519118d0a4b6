"""Conversations with a known result: valid ones, and ones with one fault at the end."""

from __future__ import annotations

import random
from typing import NamedTuple

MESSAGE_BYTES_MAX = 1000
STEPS_MAX = 12
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_SIZES = (0, 1, 2, 60, 124, 125, 126, 127, 128, 400, MESSAGE_BYTES_MAX - 1, MESSAGE_BYTES_MAX)
_CHARS = "a ن۴é€🚪𐍈\x00\x7f"
_NOT_UTF8 = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok\x80", b"\xe2\x28\xa1")
_CUT_CHARS = ("🚪".encode()[:3], "€".encode()[:2], "é".encode()[:1])
_CODES = (1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999)
_REASONS = (b"", b"bye", "خداحافظ".encode(), b"r" * 123)
_WRONG_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)


class Expected(NamedTuple):
    """The right result of a stream: messages, payloads of pongs, and the gateway's close code, if any."""

    messages: list[str | bytes]
    pongs: list[bytes]
    close: int | None


class Conversation:
    """Makes the bytes of a client and their expected result, packet by packet; `end` may be called once."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        # The bytes so far, and below the result that they must have.
        self.data = bytearray()
        self.messages: list[str | bytes] = []
        self.pongs: list[bytes] = []
        self.close: int | None = None

    @property
    def expected(self) -> Expected:
        return Expected(self.messages, self.pongs, self.close)

    # Valid packets

    def add_valid(self) -> None:
        """Adds messages, whole and in fragments, and control packets between them."""
        for _ in range(self._chance.randrange(STEPS_MAX)):
            if self._chance.random() < 0.75:
                self._message()
            else:
                self._control()

    def _message(self) -> None:
        is_text = self._chance.random() < 0.7
        payload = self._text() if is_text else self._chance.randbytes(self._chance.choice(_SIZES))
        pieces = cut(self._chance, payload, self._chance.randrange(1, 5)) if self._chance.random() < 0.4 else [payload]
        for position, piece in enumerate(pieces):
            opcode = _CONTINUATION if position else _TEXT if is_text else _BINARY
            self._packet(opcode, piece, is_final=position == len(pieces) - 1)
            if position < len(pieces) - 1 and self._chance.random() < 0.3:
                self._control()
        self.messages.append(payload.decode() if is_text else payload)

    def _text(self) -> bytes:
        size = self._chance.choice(_SIZES)
        if self._chance.random() < 0.5:
            return b"t" * size
        text = "".join(self._chance.choices(_CHARS, k=size)).encode()[:size]
        return text.decode(errors="ignore").encode()

    def _control(self) -> None:
        payload = self._chance.randbytes(self._chance.choice((0, 1, 4, 125)))
        opcode = self._chance.choice((_PING, _PING, _PONG))
        self._packet(opcode, payload)
        if opcode == _PING:
            self.pongs.append(payload)

    # The end

    def end(self) -> None:
        """Ends in one of many ways, and adds bytes that must not be read."""
        ends = (
            self._stop,
            self._close,
            self._break_a_head,
            self._break_a_message,
            self._break_a_text,
            self._exceed_size,
        )
        self._chance.choice(ends)()
        if self.close is not None:
            self.data += self._chance.randbytes(self._chance.choice((0, 3, 40)))

    def _stop(self) -> None:
        """Stops, perhaps within a packet."""
        whole = len(self.data)
        self._packet(_TEXT, b"incomplete" * self._chance.choice((1, 20)))
        del self.data[self._chance.randrange(whole, len(self.data)) :]

    def _close(self) -> None:
        kind = self._chance.randrange(6)
        if kind == 0:
            self._packet(_CLOSE, b"")
            self.close = 0
        elif kind == 1:
            self._packet(_CLOSE, b"\x03")
            self.close = 1002
        elif kind == 2:
            self._packet(_CLOSE, self._chance.choice(_WRONG_CODES).to_bytes(2, "big"))
            self.close = 1002
        elif kind == 3:
            self._packet(_CLOSE, b"\x03\xe8" + self._chance.choice(_NOT_UTF8))
            self.close = 1007
        else:
            self.close = self._chance.choice(_CODES)
            self._packet(_CLOSE, self.close.to_bytes(2, "big") + self._chance.choice(_REASONS))

    def _break_a_head(self) -> None:
        self.close = 1002
        kind = self._chance.randrange(5)
        if kind == 0:
            self._packet(_TEXT, b"r", reserved=self._chance.randrange(1, 8))
        elif kind == 1:
            self._packet(self._chance.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), b"o")
        elif kind == 2:
            self._packet(_TEXT, b"u", is_masked=False)
        elif kind == 3:
            self._packet(self._chance.choice((_PING, _PONG, _CLOSE)), b"", is_final=False)
        else:
            self._packet(self._chance.choice((_PING, _PONG, _CLOSE)), b"l" * 126)

    def _break_a_message(self) -> None:
        self.close = 1002
        if self._chance.random() < 0.5:
            self._packet(_CONTINUATION, b"without a start", is_final=self._chance.random() < 0.5)
        else:
            self._packet(_TEXT, b"start", is_final=False)
            self._packet(self._chance.choice((_TEXT, _BINARY)), b"second start")

    def _break_a_text(self) -> None:
        self.close = 1007
        kind = self._chance.randrange(3)
        if kind == 0:
            self._packet(_TEXT, b"fine " + self._chance.choice(_NOT_UTF8))
        elif kind == 1:
            self._packet(_TEXT, b"fine so far", is_final=False)
            self._packet(_CONTINUATION, self._chance.choice(_NOT_UTF8) + b"!", is_final=False)
        else:
            self._packet(_TEXT, self._chance.choice(_CUT_CHARS), is_final=False)
            self._packet(_CONTINUATION, b"", is_final=True)

    def _exceed_size(self) -> None:
        self.close = 1009
        opcode = self._chance.choice((_TEXT, _BINARY))
        if self._chance.random() < 0.5:
            self._packet(opcode, b"m" * (MESSAGE_BYTES_MAX + 1))
            return
        first = self._chance.randrange(MESSAGE_BYTES_MAX + 1)
        self._packet(opcode, b"m" * first, is_final=False)
        self._packet(_CONTINUATION, b"m" * (MESSAGE_BYTES_MAX - first + 1))

    # One packet

    def _packet(
        self, opcode: int, payload: bytes, *, is_final: bool = True, reserved: int = 0, is_masked: bool = True
    ) -> None:
        length = len(payload)
        short = length if length < 126 else 126 if length < 1 << 16 else 127
        size = {126: 2, 127: 8}.get(short, 0)
        self.data += bytes((is_final << 7 | reserved << 4 | opcode, is_masked << 7 | short))
        self.data += length.to_bytes(size, "big") if size else b""
        if not is_masked:
            self.data += payload
            return
        mask = self._chance.randbytes(4)
        self.data += mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def make_conversation(chance: random.Random) -> tuple[bytes, Expected]:
    """Returns the bytes of a conversation and their expected result."""
    made = Conversation(chance)
    made.add_valid()
    if chance.random() < 0.7:
        made.end()
    return bytes(made.data), made.expected


def cut(chance: random.Random, payload: bytes, cuts: int) -> list[bytes]:
    """Returns bytes in `cuts` + 1 pieces, some of them empty."""
    positions = sorted(chance.randrange(len(payload) + 1) for _ in range(cuts))
    return [payload[a:b] for a, b in zip([0, *positions], [*positions, len(payload)], strict=True)]
