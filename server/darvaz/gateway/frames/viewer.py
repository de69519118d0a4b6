"""One viewer of a camera: what it asked for, and whether it can take another frame now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from darvaz.gateway.frames.demand import ViewerRequest
from darvaz.gateway.frames.frame import Frame, Pack

# Proxies end connections on which nothing is sent, the strictest after half a minute.
BEAT_S = 15.0


class FrameSender(Protocol):
    """Sends the packets of one viewer; nothing here waits."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Sends a packet; called only while nothing is buffered."""

    @property
    def buffered_bytes(self) -> Callable[[], int]:
        """Returns what was written and not yet taken; 0 means ready for the next packet."""

    @property
    def abort(self) -> Callable[[str], None]:
        """Ends the connection of the viewer, for a reason; its owner then has it leave its camera."""


class Viewer:
    """Takes the frames of one camera at the rate of its own connection and request.

    It holds no frame: the one that is being sent is in the buffer of its sender, the newest in the camera.
    """

    # fmt: off
    __slots__ = (
        "_abort", "_beat", "_beat_s", "_due_s", "_written_s", "buffered_bytes", "is_admitted", "number", "pack",
        "request", "write",
    )
    # fmt: on

    def __init__(
        self,
        sender: FrameSender,
        pack: Pack,
        request: ViewerRequest,
        is_admitted: Callable[[], bool],
        beat: bytes = b"",
    ) -> None:
        self.request = request
        self.is_admitted = is_admitted
        self.pack = pack
        self.write = sender.write
        self.buffered_bytes = sender.buffered_bytes
        # Number of the newest frame that was offered to it.
        self.number = 0
        self._abort = sender.abort
        # What is sent from time to time, so that nobody between takes the connection for dead; b"" for nothing.
        self._beat = beat
        self._beat_s = 0.0
        # Monotonic seconds: when the next frame is due at the rate it asked for, and when the last was written.
        self._due_s = self._written_s = 0.0

    def offer(self, frame: Frame, now_s: float) -> bool:
        """Sends the frame, or skips it if none is due yet; returns False while the last is still being sent."""
        if self.buffered_bytes():
            return False
        if self._is_due(now_s):
            self._written_s = now_s
            self.write(frame.packet(self.pack))
        self.number = frame.number
        return True

    def beat(self, now_s: float) -> None:
        """Sends the beat every `BEAT_S`, unless a frame is being sent."""
        if not self._beat_s:
            self._beat_s = now_s
        elif self._beat and now_s - self._beat_s >= BEAT_S and not self.buffered_bytes():
            self._beat_s = now_s
            self.write(self._beat)

    def set_current(self, being_sent: Frame) -> None:
        """Notes which frame it is being sent; a fast viewer does not note each."""
        if being_sent.number > self.number:
            self.number, self._written_s = being_sent.number, being_sent.arrived_s

    def is_stuck(self, now_s: float, deadline_s: float) -> bool:
        """Whether the last frame was not taken within the deadline."""
        return now_s - self._written_s > deadline_s and self.buffered_bytes() > 0

    def drop(self, reason: str) -> None:
        """Ends the connection of the viewer."""
        self._abort(reason)

    def _is_due(self, now_s: float) -> bool:
        """Returns whether a frame is due; one may be sent half a period early, so that the rate is right on average."""
        if not self.request.fps:
            return self.request.fps is None
        period_s = 1 / self.request.fps
        early_s = self._due_s - now_s
        if early_s > period_s / 2:
            return False
        self._due_s = period_s + (self._due_s if early_s > -period_s / 2 else now_s)
        return True
