"""The registers of a part on I2C, as a test gives them: what the board reads there, and what it has written."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from darvaz.boards.parts.failures import PartError

WRITES_MAX = 1000
ADDRESS_BYTES_MAX = 2
REGISTER_BYTES_MAX = 4


class Registers:
    """Registers by their number, the content of several as bytes: `Registers({0xD0: 0x60, 0x88: b"..."})`.

    Reading and writing go on to the next register. A register has `register_bytes`, the first one the highest; its
    number has `address_bytes`. `ignored_bits` are those of a number that have another meaning, such as 0x80 on parts
    of ST; `clears` are bits by register that are set for a moment only, such as those that reset the part. A register
    without a value cannot be read: the test fails with its number. A bytearray is used as it is, so that the test sees
    what is written.
    """

    def __init__(
        self,
        values: Mapping[int, int | bytes] | bytes | bytearray,
        *,
        address_bytes: int = 1,
        register_bytes: int = 1,
        ignored_bits: int = 0,
        clears: Mapping[int, int] | None = None,
    ) -> None:
        if not 1 <= address_bytes <= ADDRESS_BYTES_MAX or not 1 <= register_bytes <= REGISTER_BYTES_MAX:
            raise ValueError(
                f"numbers of registers have 1 to {ADDRESS_BYTES_MAX} bytes, registers 1 to {REGISTER_BYTES_MAX}"
            )
        self.address_bytes = address_bytes
        self.register_bytes = register_bytes
        self.ignored_bits = ignored_bits
        self.clears = dict(clears or {})
        self.writes: deque[tuple[int, bytes]] = deque(maxlen=WRITES_MAX)
        """The newest that the board wrote: number of the register, and bytes."""
        self._bytes: dict[int, int] | bytearray = {}
        # The place of the next byte.
        self._at = 0
        if isinstance(values, bytearray):
            self._bytes = values
        elif isinstance(values, bytes):
            self._bytes = bytearray(values)
        else:
            for register, value in values.items():
                self[register] = value

    def __getitem__(self, register: int) -> int:
        """Returns the value of a register."""
        return int.from_bytes(self._load(register * self.register_bytes, self.register_bytes), "big")

    def __setitem__(self, register: int, value: int | bytes) -> None:
        """Sets a register, or several from this one on."""
        data = value.to_bytes(self.register_bytes, "big") if isinstance(value, int) else value
        self._store(register * self.register_bytes, data)

    def read(self, register: int | None, size: int) -> bytes:
        """Answers a board that reads from a register, or from where it is (None)."""
        if register is not None:
            self._go_to(register)
        data = self._load(self._at, size)
        self._at += size
        return data

    def write(self, data: bytes) -> None:
        """Takes the number of a register, and what is to be written from it on; nothing, from a board that looks."""
        if not data:
            return
        if len(data) < self.address_bytes:
            raise PartError(f"numbers of registers have {self.address_bytes} bytes, and the board wrote {data!r}")
        register, content = int.from_bytes(data[: self.address_bytes], "big"), data[self.address_bytes :]
        self._go_to(register)
        if content:
            self.writes.append((register & ~self.ignored_bits, content))
            self._store(self._at, content)
            self._at += len(content)
            self._clear(register & ~self.ignored_bits, self._at // self.register_bytes)

    def _clear(self, first: int, end: int) -> None:
        for register, bits in self.clears.items():
            if first <= register < max(end, first + 1):
                self[register] &= ~bits

    def _go_to(self, register: int) -> None:
        self._at = (register & ~self.ignored_bits) * self.register_bytes

    def _load(self, at: int, size: int) -> bytes:
        try:
            return bytes(self._bytes[offset] for offset in range(at, at + size))
        except (KeyError, IndexError):
            missing = next(offset for offset in range(at, at + size) if not self._has(offset))
            number = missing // self.register_bytes
            raise PartError(f"the board reads register 0x{number:02x}, which has no value in the test") from None

    def _store(self, at: int, data: bytes) -> None:
        last = at + len(data) - 1
        if last >= self._size:
            raise PartError(f"there is no register 0x{last // self.register_bytes:02x}, which is written")
        for offset, value in enumerate(data, at):
            self._bytes[offset] = value

    @property
    def _size(self) -> int:
        if isinstance(self._bytes, bytearray):
            return len(self._bytes)
        return int(256**self.address_bytes) * self.register_bytes

    def _has(self, offset: int) -> bool:
        return offset < len(self._bytes) if isinstance(self._bytes, bytearray) else offset in self._bytes
