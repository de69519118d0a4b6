"""A film file of JPEGs, each shown at the time of its arrival: unchanged in .mkv, as H.264 in .mp4."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from darvaz.text.extras import how_to_install

if TYPE_CHECKING:
    import av

_TICKS_PER_S = 90_000
_TICK = Fraction(1, _TICKS_PER_S)
_H264 = "libx264"
# Good enough for frames of a small sensor, and fast enough for a Raspberry Pi.
_H264_OPTIONS = {"preset": "veryfast", "crf": "23"}


class FilmError(Exception):
    """The film cannot be made; the text says why and what to do."""


def load_av() -> Any:
    """Returns PyAV, which only recording needs; raises `FilmError` if it is not installed."""
    try:
        import av
    except ImportError:
        raise FilmError(f"recording needs PyAV: {how_to_install('record')}") from None
    return av


class Film:
    """A film being made: add frames in order of time; the end of the block completes the file."""

    def __init__(self, path: Path) -> None:
        # Frames in the film, and frames left out because they cannot be decoded.
        self.frames = 0
        self.broken = 0
        # The time of the last frame, from the first.
        self.length_s = 0.0
        self._av = load_av()
        self._path = path
        self._decoder = self._av.CodecContext.create("mjpeg", "r")
        self._encodes = path.suffix.lower() != ".mkv" and _H264 in self._av.codecs_available
        self._container: av.container.OutputContainer | None = None
        self._stream: Any = None
        self._size = (0, 0)
        self._first_s = 0.0
        self._last_tick = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, jpeg: bytes, unix_s: float) -> None:
        """Adds a frame; one that cannot be decoded is left out and counted as broken."""
        picture = self._decode(jpeg)
        if picture is None:
            self.broken += 1
            return
        if self._container is None:
            self._open(picture)
            self._first_s = unix_s
        # Times must rise, even if the clock was set back.
        tick = max(round((unix_s - self._first_s) * _TICKS_PER_S), self._last_tick + 1)
        self._last_tick = tick
        self._mux(self._encoded(picture, tick) if self._encodes else [self._packet(jpeg, tick)])
        self.frames += 1
        self.length_s = tick / _TICKS_PER_S

    def close(self) -> None:
        """Completes the file; without frames there is no file."""
        if self._container is None:
            return
        if self._encodes:
            self._mux(self._stream.encode(None))
        self._container.close()
        self._container = None

    def _open(self, picture: Any) -> None:
        # H.264 with yuv420p needs even sizes.
        self._size = (picture.width - picture.width % 2, picture.height - picture.height % 2)
        options = {"movflags": "faststart"} if self._path.suffix.lower() != ".mkv" else {}
        try:
            self._container = self._av.open(str(self._path), "w", options=options)
        except (OSError, ValueError) as error:
            raise FilmError(f"{self._path} cannot be written: {error}") from None
        if not self._encodes:
            self._stream = self._container.add_mux_stream(
                "mjpeg", width=picture.width, height=picture.height, time_base=_TICK
            )
            return
        self._stream = self._container.add_stream(_H264, options=_H264_OPTIONS)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _TICK

    def _decode(self, jpeg: bytes) -> Any:
        try:
            pictures = self._decoder.decode(self._av.Packet(jpeg))
        except self._av.error.InvalidDataError:
            return None
        return pictures[0] if pictures else None

    def _encoded(self, picture: Any, tick: int) -> Any:
        width, height = self._size
        picture = picture.reformat(width=width, height=height, format="yuv420p")
        picture.pts, picture.time_base = tick, _TICK
        return self._stream.encode(picture)

    def _packet(self, jpeg: bytes, tick: int) -> Any:
        packet = self._av.Packet(jpeg)
        packet.pts = packet.dts = tick
        packet.time_base = _TICK
        packet.stream = self._stream
        packet.is_keyframe = True
        return packet

    def _mux(self, packets: Any) -> None:
        assert self._container is not None
        try:
            self._container.mux(packets)
        except OSError as error:
            raise FilmError(f"{self._path} cannot be written: {error}") from None
