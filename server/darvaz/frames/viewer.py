"""One viewer of a camera: what it wants, and whether it can take another frame now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from darvaz.frames.demand import Wish
from darvaz.frames.frame import Frame, Pack


class Outlet(Protocol):
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
    """Takes the frames of one camera at the pace of its own link and wish.

    It holds no frame: what is being sent belongs to the outlet, the newest to the camera.
    """

    __slots__ = (
        "_abort", "_buffered_bytes", "_due_s", "_pack", "_write", "_written_s", "may_stay", "number", "sent",
        "skipped", "wish",
    )  # fmt: skip

    def __init__(self, outlet: Outlet, pack: Pack, wish: Wish, may_stay: Callable[[], bool]) -> None:
        self.wish = wish
        self.may_stay = may_stay
        self.number: int | None = None
        self.sent = 0
        self.skipped = 0
        self._pack = pack
        self._write = outlet.write
        self._buffered_bytes = outlet.buffered_bytes
        self._abort = outlet.abort
        self._due_s = self._written_s = 0.0

    def offer(self, frame: Frame, now_s: float) -> bool:
        """Sends the frame, or lets it pass if none is due yet; returns False while the last is still being sent."""
        if self._buffered_bytes():
            return False
        number = frame.number
        if self.wish.fps is None or self._is_due(self.wish.fps, now_s):
            self.sent += 1
            if self.number is not None:
                self.skipped += number - self.number - 1
            self._written_s = now_s
            self._write(frame.packet(self._pack))
        self.number = number
        return True

    def is_stuck(self, now_s: float, deadline_s: float) -> bool:
        """Whether the last frame was not taken within the deadline."""
        return now_s - self._written_s > deadline_s and self._buffered_bytes() > 0

    def drop(self, reason: str) -> None:
        """Cuts the viewer off."""
        self._abort(reason)

    def _is_due(self, fps: float, now_s: float) -> bool:
        """Keeps the mean at `fps`: a frame may come up to half a period early, and is paid for later."""
        if fps <= 0:
            return False
        period_s = 1 / fps
        early_s = self._due_s - now_s
        if early_s > period_s / 2:
            return False
        self._due_s = period_s + (self._due_s if early_s > -period_s / 2 else now_s)
        return True
