"""SPI of a virtual board: what is read comes from the part that a test has put on the bus."""

from _host import KIND, exchange, view

_IS_PICO = KIND == "pico"
_BUSES = (0, 1) if _IS_PICO else (1, 2)
# The lowest bits of the pins at which the chip has a line.
_LINES = {"SCK": 2, "MOSI": 3, "MISO": 0}


class Bus:
    """What SPI and SoftSPI have in common; `bus` is None for one that software makes."""

    def __init__(self, bus):
        self._bus = bus

    def init(self, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None):
        """Changes its settings."""
        self._check(sck, mosi, miso)

    def deinit(self):
        """Ends it."""

    def read(self, nbytes, write=0):
        """Returns what comes while one byte is sent again and again."""
        return bytes(self._transfer(bytes([write]) * nbytes))

    def readinto(self, buf, write=0):
        """Fills a buffer with what comes while one byte is sent again and again."""
        data = view(buf)
        data[:] = self._transfer(bytes([write]) * len(data))

    def write(self, buf):
        """Sends bytes."""
        self._transfer(buf)

    def write_readinto(self, write_buf, read_buf):
        """Sends bytes, and fills a buffer with what comes meanwhile."""
        sent, data = bytes(write_buf), view(read_buf)
        if len(sent) != len(data):
            raise ValueError("buffers must be the same length")
        data[:] = self._transfer(sent)

    def _transfer(self, sent):
        reply, data = exchange("transfer_spi", bytes(sent), bus=self._bus)
        if "errno" in reply:
            raise OSError(reply["errno"])
        return data

    def _check(self, sck, mosi, miso):
        if not _IS_PICO or self._bus is None:
            return
        for pin, name in ((sck, "SCK"), (mosi, "MOSI"), (miso, "MISO")):
            if pin is None:
                continue
            if not isinstance(pin.id, int) or pin.id & 3 != _LINES[name] or (pin.id & 8) >> 3 != self._bus:
                raise ValueError("bad %s pin" % name)


class SPI(Bus):
    """A bus of the chip, by its number."""

    def __init__(self, id, baudrate=1000000, **settings):
        if id not in _BUSES:
            raise ValueError("SPI(%s) doesn't exist" % id)
        super().__init__(id)
        self.init(baudrate, **settings)


class SoftSPI(Bus):
    """A bus that software makes, at any pins."""

    def __init__(self, baudrate=500000, *, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None):
        super().__init__(None)
        if sck is None or mosi is None or miso is None:
            raise ValueError("must specify all of sck/mosi/miso")
