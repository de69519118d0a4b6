"""One frame as it came, and the packets made of it: one of each form, shared by all viewers."""

from __future__ import annotations

from collections.abc import Callable


class Frame:
    """One JPEG, never decoded; `number` counts the frames of its camera from 1."""

    __slots__ = ("_packets", "arrived_s", "data", "number", "unix_s")

    def __init__(self, data: bytes, number: int, arrived_s: float, unix_s: float) -> None:
        self.data = data
        self.number = number
        # When it came: monotonic seconds, and Unix seconds.
        self.arrived_s = arrived_s
        self.unix_s = unix_s
        self._packets: dict[Pack, bytes] = {}

    def packet(self, pack: Pack) -> bytes:
        """Returns the packet that `pack` makes of the frame; it is made once."""
        packet = self._packets.get(pack)
        if packet is None:
            packet = self._packets[pack] = pack(self)
        return packet


Pack = Callable[[Frame], bytes]
