"""The parts on the SPI buses of a virtual board, which a test gives by bus, or by bus and the pin that selects them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Protocol

from darvaz.boards.parts.failures import PartError, checked
from darvaz.boards.parts.registers import Registers

# The line from a part is pulled up: where nothing answers, ones are read.
_NOTHING = b"\xff"
_READ_BIT = 0x80


class SpiPart(Protocol):
    """What a test may give, if it is not bytes; `select()` is called when its pin goes low, if there is one."""

    def transfer(self, sent: bytes) -> bytes:
        """Returns as many bytes as the board sends meanwhile."""


class Repeating:
    """A part that sends the same bytes whenever it is selected, such as a thermocouple's."""

    def __init__(self, data: bytes) -> None:
        if not data:
            raise ValueError("a part on SPI that sends nothing")
        self._data = data
        self._at = 0

    def select(self) -> None:
        """Begins with the first byte."""
        self._at = 0

    def transfer(self, sent: bytes) -> bytes:
        """Returns the next bytes."""
        bytes_from_here = itertools.islice(itertools.cycle(self._data), self._at, self._at + len(sent))
        self._at = (self._at + len(sent)) % len(self._data)
        return bytes(bytes_from_here)


class OnSpi:
    """Registers on SPI: the first byte is the number of one, with the highest bit to read, then come their contents."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._register: int | None = None
        self._is_read = False

    def select(self) -> None:
        """Begins with the number of a register."""
        self._register = None

    def transfer(self, sent: bytes) -> bytes:
        """Takes the number, and what is written; returns what is read."""
        if self._register is not None:
            return self._go_on(self._register, sent)
        self._register, self._is_read = sent[0] & ~_READ_BIT, bool(sent[0] & _READ_BIT)
        return _NOTHING + self._go_on(self._register, sent[1:])

    def _go_on(self, register: int, sent: bytes) -> bytes:
        if not sent:
            return b""
        self._register = register + len(sent)
        if self._is_read:
            return self._registers.read(register, len(sent))
        self._registers.write(bytes([register]) + sent)
        return _NOTHING * len(sent)


class SpiParts(dict[Any, Any]):
    """Parts by bus, which are always selected, or by bus and pin: `spi[0]`, `spi[0, "17"]`."""

    def __setitem__(self, key: int | tuple[int, str | int], part: SpiPart | Registers | bytes) -> None:
        """Puts a part on the bus; raises TypeError for what cannot be one."""
        if isinstance(part, bytes | bytearray):
            part = Repeating(bytes(part))
        elif isinstance(part, Registers):
            part = OnSpi(part)
        if not callable(getattr(part, "transfer", None)):
            raise TypeError("a part on SPI is bytes, Registers, or has transfer(sent), which returns as many bytes")
        super().__setitem__((key[0], str(key[1])) if isinstance(key, tuple) else key, part)

    def select(self, pin: str) -> None:
        """Tells the parts of a pin that it has gone low."""
        for key, part in list(self.items()):
            if isinstance(key, tuple) and key[1] == pin and hasattr(part, "select"):
                part.select()

    def transfer(self, bus: int | None, sent: bytes, pins: Mapping[str, Mapping[str, Any]]) -> bytes:
        """Returns what the board reads while it sends; raises what the part raises."""
        if not sent:
            return b""
        found = [part for key, part in list(self.items()) if _is_selected(key, bus, pins)]
        if len(found) > 1:
            raise PartError(f"{len(found)} parts are selected at once")
        return checked(found[0].transfer(sent), len(sent)) if found else _NOTHING * len(sent)


def _is_selected(key: int | tuple[int, str], bus: int | None, pins: Mapping[str, Mapping[str, Any]]) -> bool:
    if not isinstance(key, tuple):
        return key == bus
    pin = pins.get(key[1], {})
    return key[0] == bus and pin.get("mode") == "out" and pin.get("value", 0) == 0
