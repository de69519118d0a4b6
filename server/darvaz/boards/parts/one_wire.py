"""A bus of thermometers on one wire (DS18B20 and others), bit by bit as a board speaks with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from darvaz.boards.parts.failures import PartError

ROM_BYTES = 8
_FAMILY = 0x28
_SEARCH, _READ_ROM, _MATCH, _SKIP = 0xF0, 0x33, 0x55, 0xCC
_CONVERT, _READ_SCRATCHPAD, _WRITE_SCRATCHPAD, _READ_POWER = 0x44, 0xBE, 0x4E, 0xB4
# What a thermometer says before it has measured: 85 degrees.
_FIRST = 85.0
_STEPS_PER_DEGREE = 16
_DEGREES_MIN, _DEGREES_MAX = -55, 125
# Limits of its alarm, and its setting of 12 bits, as they come from the factory.
_SETTINGS = b"\x4b\x46\x7f"
_RESERVED = b"\xff\x0c\x10"


def onewire_rom(number: int) -> bytes:
    """Returns the address of a DS18B20 with a serial number, with its checksum."""
    body = bytes([_FAMILY]) + number.to_bytes(ROM_BYTES - 2, "little")
    return body + bytes([crc8(body)])


def crc8(data: bytes) -> int:
    """Returns the checksum of this bus: polynomial x^8 + x^5 + x^4 + 1, the lowest bit first."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


class OneWireBus:
    """The bus of one pin; `sensors` are degrees by address, and may be changed at any time."""

    def __init__(self, sensors: Mapping[bytes, float]) -> None:
        self.sensors = sensors
        # What each measured last, and its settings.
        self._measured: dict[bytes, float] = {}
        self._settings: dict[bytes, bytes] = {}
        # Those that listen.
        self._chosen: list[bytes] = []
        self._written: list[int] = []
        self._answer: deque[int] = deque()
        # The command whose bytes are awaited, whether it is one about addresses, and the bits that a search has found.
        self._command: int | None = None
        self._is_for_rom = True
        self._search: list[int] | None = None

    def reset(self) -> bool:
        """Begins a conversation; returns whether anything is there."""
        for rom in self.sensors:
            if len(rom) != ROM_BYTES or crc8(rom[:-1]) != rom[-1]:
                raise PartError(f"{rom!r} lacks the checksum of an address: onewire_rom(number) makes one")
        self._chosen = sorted(self.sensors)
        self._written.clear()
        self._answer.clear()
        self._command, self._is_for_rom, self._search = None, True, None
        return bool(self._chosen)

    def write_bit(self, bit: int) -> None:
        """Takes a bit of the board."""
        if self._search is not None:
            self._choose(bit)
            return
        self._written.append(bit & 1)
        if len(self._written) == 8 * self._bytes_awaited():
            data = _to_bytes(self._written)
            self._written.clear()
            self._take(data)

    def read_bit(self) -> int:
        """Returns the next bit; the line is pulled up where nobody answers."""
        return self._answer.popleft() if self._answer else 1

    def _bytes_awaited(self) -> int:
        return {_MATCH: ROM_BYTES, _WRITE_SCRATCHPAD: len(_SETTINGS)}.get(self._command or 0, 1)

    def _take(self, data: bytes) -> None:
        if self._command is None:
            self._command = data[0]
            self._begin(data[0])
        elif self._command == _MATCH:
            self._chosen = [rom for rom in self._chosen if rom == data]
            self._end_of_rom_command()
        elif self._command == _WRITE_SCRATCHPAD:
            self._settings.update(dict.fromkeys(self._chosen, data))
            self._command = None

    def _begin(self, command: int) -> None:
        if self._is_for_rom:
            if command == _SEARCH:
                self._search = []
                self._offer()
            elif command == _READ_ROM:
                self._send([_to_bits(rom) for rom in self._chosen])
                self._end_of_rom_command()
            elif command == _SKIP:
                self._end_of_rom_command()
            elif command != _MATCH:
                self._chosen = []
            return
        if command == _CONVERT:
            self._measured.update({rom: self.sensors[rom] for rom in self._chosen if rom in self.sensors})
        elif command == _READ_SCRATCHPAD:
            self._send([_to_bits(self._scratchpad(rom)) for rom in self._chosen])
        if command != _WRITE_SCRATCHPAD:
            self._command = None

    def _end_of_rom_command(self) -> None:
        self._command, self._is_for_rom = None, False

    def _scratchpad(self, rom: bytes) -> bytes:
        degrees = self._measured.get(rom, _FIRST)
        if not _DEGREES_MIN <= degrees <= _DEGREES_MAX:
            raise PartError(f"thermometers on one wire measure {_DEGREES_MIN} to {_DEGREES_MAX} degrees, not {degrees}")
        raw = round(degrees * _STEPS_PER_DEGREE) & 0xFFFF
        body = raw.to_bytes(2, "little") + self._settings.get(rom, _SETTINGS) + _RESERVED
        return body + bytes([crc8(body)])

    def _send(self, answers: list[list[int]]) -> None:
        # All pull the line down at once: a zero wins.
        self._answer.extend(min(bits) for bits in zip(*answers, strict=True))

    def _offer(self) -> None:
        """Answers a search with the next bit of those that listen, and its complement."""
        number = len(self._search or ())
        bits = [_to_bits(rom)[number] for rom in self._chosen]
        self._answer.extend([min(bits, default=1), min((1 - bit for bit in bits), default=1)])

    def _choose(self, bit: int) -> None:
        assert self._search is not None
        number = len(self._search)
        self._chosen = [rom for rom in self._chosen if _to_bits(rom)[number] == bit]
        self._search.append(bit)
        if len(self._search) == 8 * ROM_BYTES:
            self._search = None
            self._end_of_rom_command()
        else:
            self._offer()


def _to_bits(data: bytes) -> list[int]:
    return [byte >> number & 1 for byte in data for number in range(8)]


def _to_bytes(bits: list[int]) -> bytes:
    return bytes(sum(bit << number for number, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))
