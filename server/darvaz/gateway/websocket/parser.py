"""The receiving half of a WebSocket without I/O: bytes in as they come, whole messages out."""

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

# One look at the bytes gives at most so many items, so that their answers can be written in between.
ITEMS_PER_PARSE_MAX: Final = 256

_FIN_TEXT: Final = FIN | Opcode.TEXT
_SHORTEST: Final = MASKED
_BEYOND_SHORT: Final = MASKED | LENGTH_IN_2_BYTES
_MASK_BYTES: Final = 4
_WHOLE_OPCODES: Final = (Opcode.TEXT, Opcode.BINARY)
_OPCODES: Final = frozenset(Opcode)
# Names of this module's own are found at once where it is compiled.
_unmask: Final = unmask
_unmask_text: Final = unmask_text
_Utf8Checker = codecs.getincrementaldecoder("utf-8")


class Ping(NamedTuple):
    """The peer asks for a pong with the same payload."""

    payload: bytes


class Pong(NamedTuple):
    """The peer answered a ping."""

    payload: bytes


class PeerClose(NamedTuple):
    """The peer says goodbye: nothing follows it."""

    code: int
    reason: str


class Violation(NamedTuple):
    """The peer broke a rule: the connection must end with this code, and nothing more is read."""

    code: int
    reason: str
    is_text: bool = False


Control = Ping | Pong | PeerClose | Violation
Item = str | bytes | Control


class Parser:
    """Turns a client's bytes into messages (`str`, `bytes`) and control items, in order.

    Call `parse` with what arrived, and again without while it `has_more`. A message counts whole: its
    fragments together may not exceed the limits of `limit`. `met_control` says whether the last `parse`
    returned anything but messages.
    """

    __slots__ = (
        "_binary_bytes_max", "_checker", "_is_over", "_items_max", "_message", "_opcode", "_rest", "_text_bytes_max",
        "_wanted_bytes", "has_more", "met_control",
    )  # fmt: skip

    def __init__(self, text_bytes_max: int, binary_bytes_max: int) -> None:
        self.limit(text_bytes_max, binary_bytes_max)
        self._rest: bytes | bytearray = b""
        self._wanted_bytes = 0
        self._is_over = False
        self.has_more = self.met_control = False
        # Of a message in fragments: its bytes so far, its opcode, and whether they are text as yet.
        self._message: bytearray | None = None
        self._opcode = 0
        self._checker: codecs.IncrementalDecoder | None = None

    def limit(self, text_bytes_max: int, binary_bytes_max: int, *, one_by_one: bool = False) -> None:
        """Sets the largest message from now on; texts of up to 125 bytes are always taken.

        With `one_by_one`, `parse` returns a single item, since it may change the limits for the next.
        """
        self._text_bytes_max = text_bytes_max
        self._binary_bytes_max = binary_bytes_max
        self._items_max = 1 if one_by_one else ITEMS_PER_PARSE_MAX

    @property
    def buffered_bytes(self) -> int:
        """How much is kept until more arrives or `parse` is called."""
        return len(self._rest) + len(self._message or b"")

    # Receiving

    def keep(self, data: bytes) -> None:
        """Takes bytes that are not to be looked at yet."""
        if self._is_over:
            return
        # A bytearray grows in place: a large packet in small segments is not copied for each of them.
        if not isinstance(self._rest, bytearray):
            self._rest = bytearray(self._rest)
        self._rest += data

    def parse(self, data: bytes = b"") -> list[Item]:
        """Returns what is complete, at most `ITEMS_PER_PARSE_MAX` items; nothing when more bytes are needed."""
        items: list[Item] = []
        self.has_more = self.met_control = False
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
        # A quiet link must not hold on to the segment that its last packet came in.
        if pos < len(data) and not self._is_over:
            self._rest = data[pos:]
            self.has_more = len(items) >= self._items_max
        return items

    def end(self) -> None:
        """Reads nothing from now on and lets go of what was kept."""
        self._is_over = True
        self._rest, self._message = b"", None

    # One packet

    def _parse_into(self, items: list[Item], data: bytes) -> int:
        """Appends the items in the bytes and returns where the first packet begins that is not among them."""
        pos, end, items_max = 0, len(data), self._items_max
        self._wanted_bytes = 0
        while end - pos >= 2 and len(items) < items_max:
            second = data[pos + 1]
            # Nearly every packet is a short, masked, whole text, and here that costs half as much.
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
            pos = stop
        return pos

    def _parse_any(self, data: bytes, pos: int, end: int) -> tuple[int, Item | None]:
        """Returns where the packet at `pos` ends, and its item; an end beyond the bytes says how many it lacks."""
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
        if length > self._room(opcode):
            return pos, self._refuse_size(opcode)
        stop = start + _MASK_BYTES + length
        if end < stop:
            return stop, None
        payload = _unmask(data, start + _MASK_BYTES, stop)
        if opcode >= Opcode.CLOSE:
            return stop, self._take_control(opcode, payload)
        return stop, self._take_data(opcode, payload, bool(first & FIN))

    def _broken_rule(self, first: int, second: int) -> str | None:
        opcode = first & OPCODE_BITS
        if first & RESERVED_BITS:
            return "reserved bits are set, but no extension was agreed on"
        if opcode not in _OPCODES:
            return f"there is no opcode {opcode}"
        if not second & MASKED:
            return "a client masks its packets"
        if opcode >= Opcode.CLOSE:
            is_sound = first & FIN and second & LENGTH_BITS <= CONTROL_BYTES_MAX
            return None if is_sound else "a control packet is whole and at most 125 bytes"
        if (opcode == Opcode.CONTINUATION) == (self._message is None):
            return "a continuation without a beginning, or a beginning without an end"
        return None

    def _room(self, opcode: int) -> int:
        if opcode >= Opcode.CLOSE:
            return CONTROL_BYTES_MAX
        kind = opcode or self._opcode
        most = self._text_bytes_max if kind == Opcode.TEXT else self._binary_bytes_max
        return most - len(self._message or b"")

    def _take_control(self, opcode: int, payload: bytes) -> Item:
        self.met_control = True
        if opcode == Opcode.PING:
            return Ping(payload)
        if opcode == Opcode.PONG:
            return Pong(payload)
        said = parse_close(payload)
        if said is None:
            return self._violate(PROTOCOL_ERROR, "the close packet has no valid code")
        self.end()
        return PeerClose(*said)

    def _take_data(self, opcode: int, payload: bytes, is_last: bool) -> Item | None:
        if opcode in _WHOLE_OPCODES and is_last:
            return payload.decode() if opcode == Opcode.TEXT else payload
        if opcode in _WHOLE_OPCODES:
            self._message, self._opcode = bytearray(), opcode
            self._checker = _Utf8Checker() if opcode == Opcode.TEXT else None
        assert self._message is not None
        self._message += payload
        if self._checker is not None:
            # Looked at as it comes: what is no text is refused at once, not after its last fragment.
            self._checker.decode(payload, is_last)
        if not is_last:
            return None
        whole, self._message = bytes(self._message), None
        return whole.decode() if self._opcode == Opcode.TEXT else whole

    # Endings

    def _refuse_size(self, opcode: int) -> Violation:
        is_text = (opcode or self._opcode) == Opcode.TEXT
        most = self._text_bytes_max if is_text else self._binary_bytes_max
        return self._violate(TOO_LARGE, f"at most {most} bytes", is_text)

    def _violate(self, code: int, reason: str, is_text: bool = False) -> Violation:
        self.met_control = True
        self.end()
        return Violation(code, reason, is_text)
