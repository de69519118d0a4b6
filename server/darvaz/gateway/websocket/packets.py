"""WebSocket packets as bytes (RFC 6455, section 5): those that a gateway sends, and constants of both ends.

A packet is what the RFC calls a frame; a frame in Darvaz is one image and nothing else.
"""

from __future__ import annotations

import enum
from typing import Final


class Opcode(enum.IntEnum):
    """The type of a packet (section 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


FIN: Final = 0x80
RESERVED_BITS: Final = 0x70
OPCODE_BITS: Final = 0x0F
MASKED: Final = 0x80
LENGTH_BITS: Final = 0x7F
LENGTH_IN_2_BYTES: Final = 126
LENGTH_IN_8_BYTES: Final = 127
# Largest payload of a ping, pong or close (section 5.5).
CONTROL_BYTES_MAX: Final = 125
CLOSE_REASON_BYTES_MAX: Final = CONTROL_BYTES_MAX - 2

# Close codes (section 7.4.1).
NORMAL: Final = 1000
PROTOCOL_ERROR: Final = 1002
NO_CODE: Final = 1005
LOST: Final = 1006
NOT_TEXT: Final = 1007
TOO_LARGE: Final = 1009
FAILED: Final = 1011
RESTARTING: Final = 1012

# 1004, 1005, 1006 and 1015 never occur in a packet (section 7.4.1); 1016 to 2999 are not assigned.
_CODES_OF_THE_RFC = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_CODES_OF_PROGRAMS = range(3000, 5000)


def dump_packet(opcode: int, payload: bytes) -> bytes:
    """Returns one complete unmasked packet; it can be written to any number of links."""
    length = len(payload)
    if length < LENGTH_IN_2_BYTES:
        return bytes((FIN | opcode, length)) + payload
    if length < 1 << 16:
        return bytes((FIN | opcode, LENGTH_IN_2_BYTES, length >> 8, length & 0xFF)) + payload
    return bytes((FIN | opcode, LENGTH_IN_8_BYTES)) + length.to_bytes(8, "big") + payload


def dump_text(text: str) -> bytes:
    """Returns a text as one packet."""
    return dump_packet(Opcode.TEXT, text.encode())


def dump_binary(data: bytes) -> bytes:
    """Returns bytes as one binary packet."""
    return dump_packet(Opcode.BINARY, data)


def dump_close(code: int, reason: str = "") -> bytes:
    """Returns a close packet, its reason cut to what fits; `NO_CODE` makes an empty one."""
    if code == NO_CODE:
        return dump_packet(Opcode.CLOSE, b"")
    cut = reason.encode()[:CLOSE_REASON_BYTES_MAX].decode(errors="ignore").encode()
    return dump_packet(Opcode.CLOSE, code.to_bytes(2, "big") + cut)


def parse_close(payload: bytes) -> tuple[int, str] | None:
    """Returns code and reason of a peer's close packet, or None if it breaks a rule (section 5.5.1).

    Raises `UnicodeDecodeError` if the reason is not UTF-8.
    """
    if not payload:
        return NO_CODE, ""
    code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode()
    if len(payload) < 2 or not (code in _CODES_OF_THE_RFC or code in _CODES_OF_PROGRAMS):
        return None
    return code, reason
