"""I2C of a virtual board: each transfer is answered by the part that a test has put at the address."""

import errno

from _host import KIND, ask, exchange, view

_IS_PICO = KIND == "pico"
_BUSES = 2
_DEFAULT_PINS = ((5, 4), (7, 6)) if _IS_PICO else ((18, 19), (25, 26))


class Bus:
    """What I2C and SoftI2C have in common; `bus` is None for one that software makes."""

    def __init__(self, bus):
        self._bus = bus
        # A Pico's own bus does not tell an address without a part from another fault.
        self._missing = errno.EIO if _IS_PICO and bus is not None else errno.ENODEV
        # What was written since `start`, with the address.
        self._written = bytearray()

    def scan(self):
        """Returns the addresses of the parts."""
        return ask("scan_i2c", bus=self._bus)["addresses"]

    def readfrom(self, addr, nbytes, stop=True):
        """Returns bytes of a part."""
        return bytes(self._read(addr, None, 8, nbytes))

    def readfrom_into(self, addr, buf, stop=True):
        """Fills a buffer."""
        data = view(buf)
        data[:] = self._read(addr, None, 8, len(data))

    def writeto(self, addr, buf, stop=True):
        """Writes bytes, and returns how many the part took."""
        self._write(addr, None, 8, buf)
        return len(bytes(buf))

    def writevto(self, addr, vector, stop=True):
        """Writes several buffers as one."""
        return self.writeto(addr, b"".join(bytes(buf) for buf in vector))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        """Returns bytes of a register and those after it."""
        return bytes(self._read(addr, memaddr, addrsize, nbytes))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        """Fills a buffer from a register and those after it."""
        data = view(buf)
        data[:] = self._read(addr, memaddr, addrsize, len(data))

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        """Writes to a register and those after it."""
        self._write(addr, memaddr, addrsize, buf)

    def _read(self, addr, register, addrsize, size):
        return self._ask("read_i2c", b"", addr, register, addrsize, size=size)

    def _write(self, addr, register, addrsize, buf):
        self._ask("write_i2c", bytes(buf), addr, register, addrsize)

    def _ask(self, do, sent, addr, register, addrsize, **more):
        if addrsize & 7 or not 8 <= addrsize <= 32:
            raise ValueError("invalid addrsize")
        if register is not None:
            register &= (1 << addrsize) - 1
        reply, data = exchange(
            do, sent, bus=self._bus, address=addr, register=register, address_bytes=addrsize // 8, **more
        )
        if "is_missing" in reply:
            raise OSError(self._missing)
        if "errno" in reply:
            raise OSError(reply["errno"])
        return data


class I2C(Bus):
    """A bus of the chip, by its number."""

    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in range(_BUSES):
            raise ValueError("I2C(%s) doesn't exist" % id)
        super().__init__(id)
        self.init(scl=scl, sda=sda, freq=freq)

    def init(self, *, scl=None, sda=None, freq=400000, timeout=50000):
        """Chooses its pins, as far as the chip has them there."""
        default_scl, default_sda = _DEFAULT_PINS[self._bus]
        scl = default_scl if scl is None else scl.id
        sda = default_sda if sda is None else sda.id
        if _IS_PICO:
            for pin, name, is_odd in ((scl, "SCL", 1), (sda, "SDA", 0)):
                if not isinstance(pin, int) or pin & 1 != is_odd or (pin & 2) >> 1 != self._bus:
                    raise ValueError("bad %s pin" % name)
        self._text = "I2C(%d, freq=%d, scl=%s, sda=%s)" % (self._bus, freq, scl, sda)

    def deinit(self):
        """Ends it."""

    def __repr__(self):
        return self._text


class SoftI2C(Bus):
    """A bus that software makes, at any pins."""

    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        super().__init__(None)
        self._text = "SoftI2C(scl=%s, sda=%s, freq=%d)" % (scl.id, sda.id, freq)

    def init(self, scl, sda, *, freq=400000):
        """Chooses its pins."""
        self._text = "SoftI2C(scl=%s, sda=%s, freq=%d)" % (scl.id, sda.id, freq)

    def __repr__(self):
        return self._text

    # Step by step

    def start(self):
        """Begins a transfer."""
        self._flush()

    def write(self, buf):
        """Writes the address and bytes; returns how many were acknowledged."""
        self._written += buf
        return len(buf) if self._written[0] >> 1 in self.scan() else 0

    def readinto(self, buf, nack=True):
        """Reads from the part whose address was written."""
        data = view(buf)
        data[:] = self._read(self._written[0] >> 1, None, 8, len(data))

    def stop(self):
        """Ends a transfer."""
        self._flush()

    def _flush(self):
        written, self._written = self._written, bytearray()
        # The lowest bit of the address says that the part is read.
        if len(written) > 1 and not written[0] & 1:
            self._write(written[0] >> 1, None, 8, written[1:])
