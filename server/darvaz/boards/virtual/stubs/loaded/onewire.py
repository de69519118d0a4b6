"""A bus on one wire, as boards have it in their firmware."""

import _onewire

_ROM_BITS = 64


class OneWireError(Exception):
    """Nothing answers."""


class OneWire:
    """The bus of a pin."""

    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin
        pin.init(pin.OPEN_DRAIN, pin.PULL_UP)

    def reset(self, required=False):
        """Begins a conversation; returns whether anything answers."""
        is_there = _onewire.reset(self.pin)
        if required and not is_there:
            raise OneWireError
        return is_there

    def readbit(self):
        """Returns a bit."""
        return _onewire.readbit(self.pin)

    def readbyte(self):
        """Returns a byte."""
        return _onewire.readbyte(self.pin)

    def readinto(self, buf):
        """Fills a buffer."""
        for at in range(len(buf)):
            buf[at] = self.readbyte()

    def writebit(self, value):
        """Sends a bit."""
        _onewire.writebit(self.pin, value)

    def writebyte(self, value):
        """Sends a byte."""
        _onewire.writebyte(self.pin, value)

    def write(self, buf):
        """Sends bytes."""
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        """Speaks with one part."""
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def crc8(self, data):
        """Returns the checksum of bytes."""
        return _onewire.crc8(data)

    def scan(self):
        """Returns the addresses of all parts."""
        found, branches = [], [()]
        while branches:
            rom = self._follow(branches.pop(), branches)
            if rom is not None:
                found.append(rom)
        return found

    def _follow(self, known, branches):
        """Returns an address that begins with these bits; where parts differ, the other way is kept for later."""
        if not self.reset():
            return None
        self.writebyte(self.SEARCH_ROM)
        bits = list(known)
        for number in range(_ROM_BITS):
            bit, complement = self.readbit(), self.readbit()
            if bit and complement:
                return None
            if number == len(bits):
                if not bit and not complement:
                    branches.append(tuple(bits + [1]))  # noqa: RUF005 (MicroPython has no other way)
                bits.append(bit)
            self.writebit(bits[number])
        rom = bytearray(_ROM_BITS // 8)
        for number, bit in enumerate(bits):
            rom[number // 8] |= bit << number % 8
        return rom
