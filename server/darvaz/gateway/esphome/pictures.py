"""The pictures of one board's camera for its clients: asked for only while somebody looks."""

from __future__ import annotations

import asyncio
import time

from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.esphome.connection import NodeConnection
from darvaz.gateway.esphome.entities import CAMERA_KEY
from darvaz.gateway.frames import Frame, TooManyViewersError, Viewer, ViewerRequest
from darvaz.gateway.parts import Parts

# Clients ask for a stream again and again while they show it (ESPHome's camera component stops after as long).
STREAM_S = 5.0


class Pictures:
    """Snapshots and streams; a client has at most one of each at a time."""

    def __init__(self, parts: Parts, device: str) -> None:
        self._parts = parts
        self._device = device
        # Client → its viewer and the monotonic second of its end, which each request moves.
        self._streams: dict[NodeConnection, tuple[Viewer, float]] = {}
        self._snapshots: dict[NodeConnection, asyncio.Task[None]] = {}

    def request(self, connection: NodeConnection, is_stream: bool) -> None:
        """Sends a picture now, and with `is_stream` all that come in the next seconds."""
        if is_stream:
            self._watch(connection)
        elif connection not in self._snapshots:
            self._snapshots[connection] = asyncio.get_running_loop().create_task(self._take(connection))

    def leave(self, connection: NodeConnection) -> None:
        """Ends what a client asked for."""
        stream = self._streams.pop(connection, None)
        if stream is not None:
            self._parts.frames.leave(self._device, stream[0])
        snapshot = self._snapshots.pop(connection, None)
        if snapshot is not None:
            snapshot.cancel()

    def tick(self, now_s: float) -> None:
        """Ends the streams that nobody asked for again."""
        for connection, (_, end_s) in list(self._streams.items()):
            if now_s > end_s:
                self.leave(connection)

    def end(self) -> None:
        """Ends everything."""
        for connection in {*self._streams, *self._snapshots}:
            self.leave(connection)

    async def close(self) -> None:
        """Ends everything, and returns once nothing runs any more."""
        snapshots = list(self._snapshots.values())
        self.end()
        await asyncio.gather(*snapshots, return_exceptions=True)

    def _watch(self, connection: NodeConnection) -> None:
        end_s = time.monotonic() + STREAM_S
        if connection in self._streams:
            self._streams[connection] = (self._streams[connection][0], end_s)
            return
        viewer = Viewer(_Sender(connection), _data, ViewerRequest(), lambda: True)
        try:
            self._parts.frames.join(self._device, viewer)
        except TooManyViewersError as error:
            connection.conversation.send_log("warning", str(error))
            connection.flush()
            return
        self._streams[connection] = (viewer, end_s)

    async def _take(self, connection: NodeConnection) -> None:
        try:
            frame = await self._parts.snapshots.take(self._device)
        except CommandError as error:
            connection.conversation.send_log("error", str(error))
        else:
            connection.conversation.send_image(CAMERA_KEY, frame.data)
        finally:
            # Before the client has its answer, since it may ask for the next picture at once.
            self._snapshots.pop(connection, None)
        connection.flush()


class _Sender:
    """Sends frames to a client as messages."""

    def __init__(self, connection: NodeConnection) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        """Sends a picture."""
        self._connection.conversation.send_image(CAMERA_KEY, data)
        self._connection.flush()

    def buffered_bytes(self) -> int:
        """Returns what the client has not taken yet."""
        return self._connection.buffered_bytes()

    def abort(self, reason: str) -> None:
        """Ends the connection: it takes nothing."""
        self._connection.transport.abort()


def _data(frame: Frame) -> bytes:
    return frame.data
