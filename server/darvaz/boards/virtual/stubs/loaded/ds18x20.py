"""Thermometers on one wire (DS18S20, DS1822, DS18B20), as boards have them in their firmware."""

_CONVERT, _READ, _WRITE = 0x44, 0xBE, 0x4E
_DS18S20, _DS1822, _DS18B20 = 0x10, 0x22, 0x28


class DS18X20:
    """All thermometers of a bus."""

    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        """Returns the addresses of the thermometers."""
        return [rom for rom in self.ow.scan() if rom[0] in (_DS18S20, _DS1822, _DS18B20)]

    def convert_temp(self):
        """Has all of them measure, which takes 750 ms."""
        self._command(None, _CONVERT)

    def read_scratch(self, rom):
        """Returns the nine bytes of a thermometer's memory."""
        self._command(rom, _READ)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf) != 0:
            raise Exception("CRC error")
        return self.buf

    def write_scratch(self, rom, buf):
        """Writes the limits of the alarm, and the resolution."""
        self._command(rom, _WRITE)
        self.ow.write(buf)

    def read_temp(self, rom):
        """Returns degrees."""
        memory = self.read_scratch(rom)
        sixteenths = memory[0] + 256 * memory[1]
        if memory[1] >= 128:
            sixteenths -= 65536
        if rom[0] == _DS18S20:
            # Half degrees, and a count towards the next one.
            return (sixteenths >> 1) - 0.25 + (memory[7] - memory[6]) / memory[7]
        return sixteenths / 16

    def _command(self, rom, number):
        self.ow.reset(True)
        if rom is None:
            self.ow.writebyte(self.ow.SKIP_ROM)
        else:
            self.ow.select_rom(rom)
        self.ow.writebyte(number)
