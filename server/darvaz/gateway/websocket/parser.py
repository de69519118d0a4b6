"""The receiving half of a WebSocket without I/O: bytes in, complete messages out (RFC 6455, section 5)."""

from __future__ import annotations

import codecs
from typing import Final, NamedTuple

from darvaz.gateway.websocket.masking import unmask, unmask_text
from darvaz.gateway.websocket.packets import (
    CONTROL_BYTES_MAX,
    FIN,
    LENGTH_BITS,
    LENGTH_IN_2_BYTES,
    LENGTH_IN_8_BYTES,
    MASKED,
    NOT_TEXT,
    OPCODE_BITS,
    PROTOCOL_ERROR,
    RESERVED_BITS,
    TOO_LARGE,
    Opcode,
    parse_close,
)

# One `parse` takes at most this many packets, so that replies are written in between.
ITEMS_PER_PARSE_MAX: Final = 256
# Shorter fragments count as overhead, which a flood would consist of; a camera sends a frame in longer ones.
FRAGMENT_BYTES_MIN: Final = 512

_FIN_TEXT: Final = FIN | Opcode.TEXT
_SHORTEST: Final = MASKED
_BEYOND_SHORT: Final = MASKED | LENGTH_IN_2_BYTES
_HEAD_BYTES_MIN: Final = 2
_MASK_BYTES: Final = 4
_WHOLE_OPCODES: Final = (Opcode.TEXT, Opcode.BINARY)
_OPCODES: Final = frozenset(Opcode)
# A module's own names are found faster where it is compiled.
_unmask: Final = unmask
_unmask_text: Final = unmask_text
_Utf8Checker = codecs.getincrementaldecoder("utf-8")


class Ping(NamedTuple):
    """The peer wants a pong with the same payload."""

    payload: bytes


class Pong(NamedTuple):
    """The peer answered a ping."""

    payload: bytes


class PeerClose(NamedTuple):
    """The peer closes: nothing follows."""

    code: int
    reason: str


class Violation(NamedTuple):
    """The peer broke a rule: the connection must be closed with this code, and nothing more is read."""

    code: int
    reason: str
    is_text: bool = False


Control = Ping | Pong | PeerClose | Violation
Item = str | bytes | Control


class Parser:
    """Turns a client's bytes into messages (`str`, `bytes`) and control items, in order.

    Call `parse` with what arrived, and again without bytes while it `has_more`. The limits of `limit` are for
    whole messages, all fragments together. Of the last `parse`, `has_control` says whether it returned a control item
    or read overhead, and `overhead` how many pings, pongs and short fragments it read.
    """

    __slots__ = (
        "_binary_bytes_max",
        "_checker",
        "_is_over",
        "_items_max",
        "_message",
        "_opcode",
        "_rest",
        "_text_bytes_max",
        "_wanted_bytes",
        "has_control",
        "has_more",
        "overhead",
    )  # fmt: skip

    def __init__(self, text_bytes_max: int, binary_bytes_max: int) -> None:
        self.limit(text_bytes_max, binary_bytes_max)
        # Bytes of an incomplete packet, or behind the last item of a full `parse`.
        self._rest: bytes | bytearray = b""
        # How many bytes `_rest` needs before parsing again is useful.
        self._wanted_bytes = 0
        # Whether nothing more is read: after a close or a violation.
        self._is_over = False
        self.has_more = self.has_control = False
        self.overhead = 0
        # A message in fragments: its bytes so far, its opcode, and for a text the check of its UTF-8.
        self._message: bytearray | None = None
        self._opcode = 0
        self._checker: codecs.IncrementalDecoder | None = None

    def limit(self, text_bytes_max: int, binary_bytes_max: int, *, one_by_one: bool = False) -> None:
        """Sets the largest messages from now on; texts of up to 125 bytes are always accepted.

        With `one_by_one`, `parse` takes one packet, whose message may change the limits for the next.
        """
        self._text_bytes_max = text_bytes_max
        self._binary_bytes_max = binary_bytes_max
        self._items_max = 1 if one_by_one else ITEMS_PER_PARSE_MAX

    @property
    def buffered_bytes(self) -> int:
        """How many bytes are kept until more arrive or `parse` is called."""
        return len(self._rest) + len(self._message or b"")

    # Receiving

    def keep(self, data: bytes) -> None:
        """Keeps bytes for a later `parse`."""
        if self._is_over:
            return
        # A bytearray grows in place: a large packet in small segments is not copied for each of them.
        if not isinstance(self._rest, bytearray):
            self._rest = bytearray(self._rest)
        self._rest += data

    def parse(self, data: bytes = b"") -> list[Item]:
        """Returns the complete items of at most `ITEMS_PER_PARSE_MAX` packets."""
        items: list[Item] = []
        self.has_more = self.has_control = False
        self.overhead = 0
        if self._rest:
            if data:
                self.keep(data)
            if len(self._rest) < self._wanted_bytes:
                return items
            data, self._rest = bytes(self._rest), b""
        if self._is_over:
            return items
        try:
            pos = self._parse_into(items, data)
        except UnicodeDecodeError:
            items.append(self._violate(NOT_TEXT, "a text is not UTF-8", is_text=True))
            return items
        # Only the rest is kept: the memory of a segment is freed when its packets are read.
        if pos < len(data) and not self._is_over:
            self._rest = data[pos:]
            # Otherwise, either the next packet is incomplete, or only its first byte is here.
            self.has_more = not self._wanted_bytes and len(data) - pos >= _HEAD_BYTES_MIN
        return items

    def end(self) -> None:
        """Reads nothing more, and drops what was kept."""
        self._is_over = True
        self._rest, self._message = b"", None

    # One packet

    def _parse_into(self, items: list[Item], data: bytes) -> int:
        """Appends the items in the bytes, and returns where the first incomplete or unread packet begins."""
        pos, end, items_max = 0, len(data), self._items_max
        self._wanted_bytes = 0
        while end - pos >= 2 and len(items) < items_max:
            second = data[pos + 1]
            # Fast path: nearly every packet is a short, masked text in one fragment. Costs half as much.
            if data[pos] == _FIN_TEXT and _SHORTEST <= second < _BEYOND_SHORT and self._message is None:
                start = pos + 6
                stop = start + second - MASKED
                if stop > end:
                    self._wanted_bytes = stop - pos
                    break
                items.append(_unmask_text(data, start, stop))
                pos = stop
                continue
            stop, item = self._parse_any(data, pos, end)
            if item is not None:
                items.append(item)
            if stop > end or self._is_over:
                self._wanted_bytes = stop - pos
                break
            if item is None:
                # A fragment: it takes the place of an item.
                items_max -= 1
            pos = stop
        return pos

    def _parse_any(self, data: bytes, pos: int, end: int) -> tuple[int, Item | None]:
        """Returns where the packet at `pos` ends, and its item; an end beyond the bytes means that it is incomplete."""
        first, length = data[pos], data[pos + 1] & LENGTH_BITS
        broken = self._broken_rule(first, data[pos + 1])
        if broken is not None:
            return pos, self._violate(PROTOCOL_ERROR, broken)
        start = pos + {LENGTH_IN_2_BYTES: 4, LENGTH_IN_8_BYTES: 10}.get(length, 2)
        if end < start:
            return start, None
        if length >= LENGTH_IN_2_BYTES:
            length = int.from_bytes(data[pos + 2 : start], "big")
        opcode = first & OPCODE_BITS
        if length > self._bytes_left(opcode):
            return pos, self._refuse_size(opcode)
        stop = start + _MASK_BYTES + length
        if end < stop:
            return stop, None
        payload = _unmask(data, start + _MASK_BYTES, stop)
        if opcode >= Opcode.CLOSE:
            return stop, self._read_control(opcode, payload)
        return stop, self._read_data(opcode, payload, bool(first & FIN))

    def _broken_rule(self, first: int, second: int) -> str | None:
        """Returns which rule of section 5.2, 5.4 or 5.5 the first two bytes of a packet break, or None."""
        opcode = first & OPCODE_BITS
        if first & RESERVED_BITS:
            return "reserved bits are set without an extension"
        if opcode not in _OPCODES:
            return f"unknown opcode {opcode}"
        if not second & MASKED:
            return "a packet of a client is not masked"
        if opcode >= Opcode.CLOSE:
            is_valid = first & FIN and second & LENGTH_BITS <= CONTROL_BYTES_MAX
            return None if is_valid else "a control packet is fragmented or longer than 125 bytes"
        if (opcode == Opcode.CONTINUATION) == (self._message is None):
            return "a continuation without a start, or a start within a message"
        return None

    def _bytes_left(self, opcode: int) -> int:
        if opcode >= Opcode.CLOSE:
            return CONTROL_BYTES_MAX
        kind = opcode or self._opcode
        most = self._text_bytes_max if kind == Opcode.TEXT else self._binary_bytes_max
        return most - len(self._message or b"")

    def _read_control(self, opcode: int, payload: bytes) -> Item:
        self.has_control = True
        self.overhead += 1
        if opcode == Opcode.PING:
            return Ping(payload)
        if opcode == Opcode.PONG:
            return Pong(payload)
        close = parse_close(payload)
        if close is None:
            return self._violate(PROTOCOL_ERROR, "the close packet has no valid code")
        self.end()
        return PeerClose(*close)

    def _read_data(self, opcode: int, payload: bytes, is_last: bool) -> Item | None:
        if opcode in _WHOLE_OPCODES and is_last:
            return payload.decode() if opcode == Opcode.TEXT else payload
        if opcode in _WHOLE_OPCODES:
            self._message, self._opcode = bytearray(), opcode
            self._checker = _Utf8Checker() if opcode == Opcode.TEXT else None
        assert self._message is not None
        self._message += payload
        if self._checker is not None:
            # Checked at each fragment: a text that is not UTF-8 is refused early (section 8.1).
            self._checker.decode(payload, is_last)
        if not is_last:
            if len(payload) < FRAGMENT_BYTES_MIN:
                self.has_control = True
                self.overhead += 1
            return None
        whole, self._message = bytes(self._message), None
        return whole.decode() if self._opcode == Opcode.TEXT else whole

    # Endings

    def _refuse_size(self, opcode: int) -> Violation:
        is_text = (opcode or self._opcode) == Opcode.TEXT
        most = self._text_bytes_max if is_text else self._binary_bytes_max
        return self._violate(TOO_LARGE, f"at most {most} bytes", is_text)

    def _violate(self, code: int, reason: str, is_text: bool = False) -> Violation:
        self.has_control = True
        self.end()
        return Violation(code, reason, is_text)
