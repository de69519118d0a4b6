"""One viewer of a camera: what it wants, and whether it can take another frame now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from darvaz.gateway.frames.demand import ViewerRequest
from darvaz.gateway.frames.frame import Frame, Pack


class FrameSender(Protocol):
    """Where the packets of one viewer go; nothing here waits."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Sends a packet; called only while nothing is buffered."""

    @property
    def buffered_bytes(self) -> Callable[[], int]:
        """Returns what was written and not yet taken; 0 means ready for the next packet."""

    @property
    def abort(self) -> Callable[[str], None]:
        """Cuts the viewer off, for a reason; whoever made it then lets it leave its camera."""


class Viewer:
    """Takes the frames of one camera at the pace of its own link and request.

    It holds no frame: what is being sent belongs to the outlet, the newest to the camera.
    """

    __slots__ = ("_abort", "_due_s", "_written_s", "buffered_bytes", "may_stay", "number", "pack", "request", "write")

    def __init__(self, outlet: FrameSender, pack: Pack, request: ViewerRequest, may_stay: Callable[[], bool]) -> None:
        self.request = request
        self.may_stay = may_stay
        self.pack = pack
        self.write = outlet.write
        self.buffered_bytes = outlet.buffered_bytes
        self.number = 0
        self._abort = outlet.abort
        self._due_s = self._written_s = 0.0

    def offer(self, frame: Frame, now_s: float) -> bool:
        """Sends the frame, or lets it pass if none is due yet; returns False while the last is still being sent."""
        if self.buffered_bytes():
            return False
        if self._is_due(now_s):
            self._written_s = now_s
            self.write(frame.packet(self.pack))
        self.number = frame.number
        return True

    def note(self, being_sent: Frame) -> None:
        """Learns which frame it is being sent; one that takes every frame is not told each time."""
        if being_sent.number > self.number:
            self.number, self._written_s = being_sent.number, being_sent.arrived_s

    def is_stuck(self, now_s: float, deadline_s: float) -> bool:
        """Whether the last frame was not taken within the deadline."""
        return now_s - self._written_s > deadline_s and self.buffered_bytes() > 0

    def drop(self, reason: str) -> None:
        """Cuts the viewer off."""
        self._abort(reason)

    def _is_due(self, now_s: float) -> bool:
        """Keeps the mean at the request: a frame may come up to half a period early, and is paid for later."""
        if not self.request.fps:
            return self.request.fps is None
        period_s = 1 / self.request.fps
        early_s = self._due_s - now_s
        if early_s > period_s / 2:
            return False
        self._due_s = period_s + (self._due_s if early_s > -period_s / 2 else now_s)
        return True
