"""The lower limit for camera viewers: receives frames at one port, and calls `transport.write` for each viewer.

    python bare_fan_out.py PORT CAMERA_PORT

A frame follows its length in four bytes. A viewer whose buffer is not empty skips a frame.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from typing import cast

import uvloop

# As long as what the gateway writes before a frame.
HEADER = b"header"

viewers: list[asyncio.Transport] = []


class Viewer(asyncio.Protocol):
    """Receives every frame once it is connected."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        viewers.append(self._transport)
        self._transport.write(b"ready")

    def connection_lost(self, error: Exception | None) -> None:
        viewers.remove(self._transport)


class Camera(asyncio.Protocol):
    """Sends each complete frame to the viewers."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(b"ready")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 4:
            size = struct.unpack_from(">I", self._buffer)[0]
            if len(self._buffer) < 4 + size:
                return
            packet = HEADER + bytes(self._buffer[4 : 4 + size])
            del self._buffer[: 4 + size]
            for viewer in viewers:
                if not viewer.get_write_buffer_size():
                    viewer.write(packet)


async def main(port: int, camera_port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Camera, "127.0.0.1", camera_port)
    await loop.create_server(Viewer, "127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
