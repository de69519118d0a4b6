"""Cameras of other gateways: their frames come here while somebody looks here, and single ones when asked for.

A gateway with viewers says so once a second to the one that has the camera, which sends each frame once to all who
listen, and skips those that come while the last is still being sent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.ending import end_tasks
from darvaz.gateway.cluster.records import device_of, token_of
from darvaz.gateway.devices.elsewhere import RemoteLink
from darvaz.gateway.frames import Frame, Viewer, ViewerRequest
from darvaz.gateway.frames.cameras import TooManyViewersError
from darvaz.gateway.frames.demand import SIZES
from darvaz.gateway.parts import Parts

log = logging.getLogger("darvaz.cluster")

FRAMES, VIEWS = "dv.frames", "dv.views"
# How often a gateway says that somebody looks, and how long that counts.
TELL_EVERY_S = 1.0
VALID_S = 4.0
# Cameras that are sent to other gateways at once.
RELAYS_MAX = 256


class ViewRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What all viewers at a gateway ask of a camera together; without `is_wanted` the last has left."""

    node: str
    is_wanted: bool = True
    fps: float | None = None
    size: str | None = None
    quality: int | None = None


_REQUEST = msgspec.json.Decoder(ViewRequest)


def together(requests: list[ViewerRequest]) -> ViewerRequest:
    """Returns the highest that viewers ask for; the default of the owner where one of them asks for no rate."""
    rates = [request.fps for request in requests]
    sizes = [request.size for request in requests if request.size in SIZES]
    qualities = [request.quality for request in requests if request.quality is not None]
    return ViewerRequest(
        fps=None if None in rates else max((rate for rate in rates if rate is not None), default=None),
        size=max(sizes, key=lambda size: SIZES[size or ""], default=None),
        quality=max(qualities, default=None),
    )


class _Relay:
    """Sends the frames of one camera to NATS, as a viewer whose connection is busy while a frame is on its way."""

    def __init__(self, publish: Callable[[bytes], asyncio.Task[None]]) -> None:
        self._publish = publish
        self._sending: asyncio.Task[None] | None = None
        # Node → what its viewers ask for, and until when that counts, in monotonic seconds.
        self.requests: dict[str, tuple[ViewerRequest, float]] = {}
        self.viewer = Viewer(self, _plain, ViewerRequest(), lambda: True)

    def write(self, packet: bytes) -> None:
        self._sending = self._publish(packet)

    def buffered_bytes(self) -> int:
        return int(self._sending is not None and not self._sending.done())

    def abort(self, reason: str) -> None:
        """Ends what is on its way; the next frame is tried again."""
        if self._sending is not None:
            self._sending.cancel()


def _plain(frame: Frame) -> bytes:
    return frame.data


class SharedFrames:
    """Both ends of this. Used from the event loop only."""

    def __init__(self, parts: Parts, own: str, find: Callable[[str], RemoteLink | None]) -> None:
        self._parts = parts
        self._own = own
        self._find = find
        self._connection: NatsConnection | None = None
        # Cameras elsewhere with viewers here → where their frames come in.
        self._watched: dict[str, Subscription] = {}
        # Cameras here with viewers elsewhere.
        self._relays: dict[str, _Relay] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_changed = asyncio.Event()

    def open(self) -> None:
        """Follows the viewers here from now on."""
        self._parts.frames.on_demand(self._look)

    async def close(self) -> None:
        """Ends what is under way."""
        for device in list(self._relays):
            self._end_relay(device)
        await end_tasks(self._tasks)

    async def run(self, connection: NatsConnection) -> None:
        """Sends and receives over a connection until it is cancelled."""
        self._connection = connection
        try:
            await connection.listen(f"{VIEWS}.{self._own}.*", self._receive_request)
            while True:
                self._has_changed.clear()
                for camera in self._parts.frames.cameras:
                    await self._tell(connection, camera.device, camera.requests)
                self._drop_old_relays()
                try:
                    async with asyncio.timeout(TELL_EVERY_S):
                        await self._has_changed.wait()
                except TimeoutError:
                    continue
        finally:
            self._connection = None
            # Subscriptions end with their connection.
            self._watched.clear()

    # Viewers here

    def _look(self, device: str) -> None:
        if self._find(device) is not None or device in self._watched:
            self._has_changed.set()

    async def _tell(self, connection: NatsConnection, device: str, requests: list[ViewerRequest]) -> None:
        """Says to the gateway that has a camera what is asked for here, and begins or ends to listen."""
        link = self._find(device)
        is_wanted = bool(requests) and link is not None
        if is_wanted and device not in self._watched:
            self._watched[device] = await connection.subscribe(f"{FRAMES}.{token_of(device)}", self._receive_frame)
        elif not is_wanted and device not in self._watched:
            return
        elif not is_wanted:
            await self._watched.pop(device).unsubscribe()
            # What comes later is not shown the past.
            self._parts.frames.forget(device)
        if link is not None:
            wanted = together(requests)
            request = ViewRequest(
                node=self._own, is_wanted=is_wanted, fps=wanted.fps, size=wanted.size, quality=wanted.quality
            )
            await connection.publish(f"{VIEWS}.{link.node}.{token_of(device)}", msgspec.json.encode(request))

    async def _receive_frame(self, message: Msg) -> None:
        device = device_of(message.subject.rpartition(".")[2])
        if device is not None and not self._parts.hub.is_here(device):
            self._parts.frames.push(device, message.data)

    # Cameras here

    async def _receive_request(self, message: Msg) -> None:
        device = device_of(message.subject.rpartition(".")[2])
        try:
            request = _REQUEST.decode(message.data)
        except msgspec.DecodeError as error:
            log.warning("= what another gateway asks of a camera is not understood: %s", error)
            return
        if device is None or not self._parts.hub.is_here(device):
            return
        relay = self._relays.get(device)
        if relay is None and request.is_wanted:
            relay = self._begin_relay(device)
        if relay is not None:
            size = request.size if request.size in SIZES else None
            until_s = time.monotonic() + VALID_S if request.is_wanted else 0.0
            relay.requests[request.node] = (ViewerRequest(request.fps, size, request.quality), until_s)
            self._refresh(device, relay)

    def _begin_relay(self, device: str) -> _Relay | None:
        if len(self._relays) >= RELAYS_MAX:
            return None
        relay = _Relay(lambda packet: self._publish(device, packet))
        try:
            self._parts.frames.join(device, relay.viewer)
        except TooManyViewersError:
            return None
        self._relays[device] = relay
        return relay

    def _refresh(self, device: str, relay: _Relay) -> None:
        """Has the camera asked for what is wanted now, or ends the relay."""
        now_s = time.monotonic()
        relay.requests = {node: each for node, each in relay.requests.items() if each[1] > now_s}
        if not relay.requests or not self._parts.hub.is_here(device):
            self._end_relay(device)
            return
        wanted = together([request for request, _ in relay.requests.values()])
        if wanted != relay.viewer.request:
            self._parts.frames.change_request(device, relay.viewer, wanted)

    def _end_relay(self, device: str) -> None:
        relay = self._relays.pop(device)
        relay.abort("nobody looks any more")
        self._parts.frames.leave(device, relay.viewer)

    def _drop_old_relays(self) -> None:
        for device, relay in list(self._relays.items()):
            self._refresh(device, relay)

    def _publish(self, device: str, packet: bytes) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._send(device, packet))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _send(self, device: str, packet: bytes) -> None:
        try:
            if self._connection is not None:
                await self._connection.publish(f"{FRAMES}.{token_of(device)}", packet)
        except ClusterError as error:
            log.debug("= a frame of %s was not sent: %s", device, error)
