"""What goes over the loopback interface to and from one port, byte by byte, as a listener on the network sees it."""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import threading
from types import TracebackType
from typing import Self

from tests.support.needs import missing

_ETH_P_ALL = 3
_BUFFER_BYTES = 64 * 1024 * 1024
_PACKET_BYTES_MAX = 65_536
_JOIN_S = 10.0
# <linux/if_packet.h>
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_ETHERNET_BYTES, _TCP = 14, 6
_IPV4, _IPV6, _IPV6_HEAD_BYTES = 0x0800, 0x86DD, 40


class Capture:
    """Captures the payload of TCP for a port until the end of the block; needs root, as tcpdump does."""

    def __init__(self, port: int) -> None:
        if sys.platform != "linux" or os.geteuid() != 0:
            missing("a capture of packets needs Linux and root")
        self._port = port
        self._payload = bytearray()
        # By each address of IPv4 that sent or received it.
        self._of_address: dict[str, bytearray] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.bind(("lo", 0))
        self._stop_reading, self._stop_writing = os.pipe()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.write(self._stop_writing, b"x")
        self._thread.join(_JOIN_S)
        self.dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
        self._socket.close()
        os.close(self._stop_reading)
        os.close(self._stop_writing)

    @property
    def payload(self) -> bytes:
        """All that went either way, and what is behind the masks of WebSocket; loopback shows each packet twice."""
        return bytes(self._payload)

    def payload_of(self, address: str) -> bytes:
        """What went to or from one of this machine's addresses (IPv4)."""
        return bytes(self._of_address.get(address, b""))

    def _read(self) -> None:
        while True:
            readable, _, _ = select.select([self._socket.fileno(), self._stop_reading], [], [])
            if self._socket.fileno() in readable:
                self._take(self._socket.recv(_PACKET_BYTES_MAX + _ETHERNET_BYTES))
            elif readable:
                # What was sent before the end is read.
                return

    def _take(self, frame: bytes) -> None:
        (protocol,) = struct.unpack_from("!H", frame, 12)
        packet = frame[_ETHERNET_BYTES:]
        if protocol == _IPV4 and packet[9] == _TCP:
            segment = packet[(packet[0] & 15) * 4 : struct.unpack_from("!H", packet, 2)[0]]
        elif protocol == _IPV6 and packet[6] == _TCP:
            segment = packet[_IPV6_HEAD_BYTES:]
        else:
            return
        if self._port in struct.unpack_from("!HH", segment):
            payload = segment[(segment[12] >> 4) * 4 :]
            shown = payload + _unmasked(payload)
            self._payload += shown
            if protocol == _IPV4:
                for address in {socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])}:
                    self._of_address.setdefault(address, bytearray()).extend(shown)


def _unmasked(payload: bytes) -> bytes:
    """Returns what a packet of a WebSocket client hides behind its mask, which it shows itself (RFC 6455, 5.3)."""
    if len(payload) < 8 or payload[0] not in (0x81, 0x82) or not payload[1] & 0x80:
        return b""
    start = 2 if payload[1] & 0x7F < 126 else 4
    mask, masked = payload[start : start + 4], payload[start + 4 :]
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
