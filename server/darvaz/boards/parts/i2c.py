"""The parts on the I2C buses of a virtual board, which a test gives by their address."""

from __future__ import annotations

from typing import Any, Protocol

from darvaz.boards.parts.failures import PartError, checked
from darvaz.boards.parts.registers import Registers

# The others have a meaning of their own; `scan` skips them.
ADDRESS_MIN, ADDRESS_MAX = 0x08, 0x77


class I2cPart(Protocol):
    """What a test may give: it answers at once, and may raise OSError with EIO or ENODEV as a part that is busy."""

    def read(self, register: int | None, size: int) -> bytes:
        """Answers a board that reads, from a register (`readfrom_mem`) or without naming one (`readfrom`)."""

    def write(self, data: bytes) -> None:
        """Takes what the board writes; with `writeto_mem` the number of the register comes first."""


class I2cParts(dict[Any, Any]):
    """Parts by address, on any bus, or by bus and address: `i2c[0x76]`, `i2c[1, 0x76]`; bytes become `Registers`."""

    def __setitem__(self, key: int | tuple[int, int], part: I2cPart | bytes | bytearray) -> None:
        """Puts a part on the bus; raises ValueError or TypeError for what cannot be one."""
        address = key[1] if isinstance(key, tuple) else key
        if not isinstance(address, int) or not ADDRESS_MIN <= address <= ADDRESS_MAX:
            raise ValueError(f"an address on I2C is from 0x{ADDRESS_MIN:02x} to 0x{ADDRESS_MAX:02x}, not {address!r}")
        if isinstance(part, bytes | bytearray):
            part = Registers(part)
        if not callable(getattr(part, "read", None)) or not callable(getattr(part, "write", None)):
            raise TypeError("a part on I2C is bytes, Registers, or has read(register, size) and write(data)")
        super().__setitem__(key, part)

    def find(self, bus: int | None, address: int) -> I2cPart | None:
        """Returns the part at an address of a bus; None if there is none."""
        part: I2cPart | None = self.get((bus, address), self.get(address))
        return part

    def scan(self, bus: int | None) -> list[int]:
        """Returns the addresses of a bus at which there is a part."""
        keys = [key if isinstance(key, tuple) else (bus, key) for key in list(self)]
        return sorted({address for where, address in keys if where == bus})


def read(part: I2cPart, register: int | None, address_bytes: int, size: int) -> bytes:
    """Returns what a board reads from a part; raises what the part raises."""
    if register is not None:
        _check_width(part, address_bytes)
    return checked(part.read(register, size), size)


def write(part: I2cPart, register: int | None, address_bytes: int, data: bytes) -> None:
    """Gives a part what a board writes; raises what the part raises."""
    if register is not None:
        _check_width(part, address_bytes)
        data = register.to_bytes(address_bytes, "big") + data
    part.write(data)


def _check_width(part: I2cPart, address_bytes: int) -> None:
    expected = getattr(part, "address_bytes", address_bytes)
    if expected != address_bytes:
        raise PartError(
            f"the board names registers with {8 * address_bytes} bits (addrsize), the part has {8 * expected}"
        )
