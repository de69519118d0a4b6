"""What a client may send, valid and invalid: streams from a seed, the same for the same seed."""

from __future__ import annotations

import random
from typing import NamedTuple

from tools.fuzz.conversations import MESSAGE_BYTES_MAX, Expected, cut, make_conversation

PACKETS_MAX = 10
_OPCODES = (0, 0, 0, 1, 1, 1, 1, 2, 2, 8, 9, 9, 10, 3, 11)
_TEXTS = (
    b"",
    b"hello",
    "سلام 🚪".encode(),
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90",
    b"\xd8",
    b"\xb3",
    b"x" * 130,
)
_SIZES = (0, 1, 2, 125, 126, 127, 400, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX + 1)
_CODES = (1000, 1001, 1005, 1006, 1011, 2999, 3000, 4999, 5000)
ACTIONS = ("none", "none", "none", "close", "abort", "pause", "peer full")


class Stream(NamedTuple):
    """One input: the bytes in segments as they arrive, and what the listener does at its first packets."""

    segments: list[bytes]
    action: str
    expected: Expected | None = None


def make_stream(seed: int) -> Stream:
    """Returns the stream of a seed: two of three are conversations, the third is random packets."""
    chance = random.Random(seed)
    data, expected = make_conversation(chance) if seed % 3 else (_random_packets(chance), None)
    segments = [piece for piece in cut(chance, data, chance.choice((0, 1, 3, 20))) if piece]
    return Stream(segments, chance.choice(ACTIONS), expected)


def _random_packets(chance: random.Random) -> bytes:
    """Returns packets of any kind in any order, some of them damaged."""
    data = b"".join(_packet(chance) for _ in range(chance.randrange(1, PACKETS_MAX + 1)))
    if chance.random() < 0.15 and data:
        position = chance.randrange(len(data))
        data = data[:position] + chance.randbytes(chance.randrange(4)) + data[position + chance.randrange(3) :]
    return data


def _packet(chance: random.Random) -> bytes:
    opcode = chance.choice(_OPCODES)
    payload = _payload(chance, opcode)
    is_final = chance.random() < (0.95 if opcode >= 8 else 0.6)
    first = is_final << 7 | (chance.randrange(8) << 4 if chance.random() < 0.02 else 0) | opcode
    length = len(payload)
    form = 0 if length < 126 else 2 if length < 65_536 else 8
    if chance.random() < 0.03:
        form = chance.choice((2, 8))
    if chance.random() < 0.02:
        length = chance.choice((0, length + 1, 1 << 16, 1 << 63))
        form = 8
    is_masked = chance.random() > 0.02
    second = is_masked << 7 | {0: length, 2: 126, 8: 127}[form]
    head = bytes((first, second)) + (length.to_bytes(form, "big") if form else b"")
    if not is_masked:
        return head + payload
    mask = chance.randbytes(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def _payload(chance: random.Random, opcode: int) -> bytes:
    if opcode == 8:
        good = chance.choice(_CODES).to_bytes(2, "big") + chance.choice(_TEXTS)[:123]
        return chance.choice((b"", b"\x03", good, good))
    if opcode < 2 and chance.random() < 0.8:
        return chance.choice(_TEXTS)
    return b"z" * chance.choice(_SIZES) if chance.random() < 0.3 else chance.randbytes(chance.randrange(20))
