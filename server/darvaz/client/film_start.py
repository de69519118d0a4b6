"""When the first frame of a film is shown: from the film's start, however old the frame is. No I/O."""

from __future__ import annotations

from darvaz.client.requests import CameraFrame


class FilmStart:
    """Holds the first frame back until the second one tells how old it was.

    A gateway sends at once what a camera showed last, which may be many seconds old. The clocks of gateway and client
    differ, so its age is what the times of the two frames differ by beyond the time between their arrivals.
    """

    def __init__(self) -> None:
        # The first frame, and when it arrived, in monotonic seconds; None once it was given out, or before it came.
        self._first: tuple[CameraFrame, float] | None = None
        self._has_begun = False

    def receive(self, frame: CameraFrame, now_s: float) -> list[CameraFrame]:
        """Takes a frame, and returns the frames that may be added to the film, in order."""
        if not self._has_begun:
            self._has_begun, self._first = True, (frame, now_s)
            return []
        if self._first is None:
            return [frame]
        (first, arrived_s), self._first = self._first, None
        return [first._replace(time=max(first.time, frame.time - (now_s - arrived_s))), frame]

    def rest(self) -> list[CameraFrame]:
        """Returns the frame that is still held at the end of a film."""
        first, self._first = self._first, None
        return [] if first is None else [first[0]]
