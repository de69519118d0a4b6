"""What the viewers of a camera want, together: the highest of each request, bounded by the owner and by the board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Size = Literal[
    "QQVGA", "QCIF", "HQVGA", "QVGA", "CIF", "HVGA", "VGA", "SVGA", "XGA", "HD", "SXGA", "UXGA"
]  # fmt: skip

# What boards call their frame sizes, in pixels; a name that is not here cannot be compared.
SIZES: dict[str, int] = {
    "QQVGA": 160 * 120,
    "QCIF": 176 * 144,
    "HQVGA": 240 * 176,
    "QVGA": 320 * 240,
    "CIF": 400 * 296,
    "HVGA": 480 * 320,
    "VGA": 640 * 480,
    "SVGA": 800 * 600,
    "XGA": 1024 * 768,
    "HD": 1280 * 720,
    "SXGA": 1280 * 1024,
    "UXGA": 1600 * 1200,
}


@dataclass(frozen=True, slots=True)
class ViewerRequest:
    """What one viewer wants; None takes what comes and asks for the owner's default; 0 frames a second is a pause."""

    fps: float | None = None
    size: str | None = None
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class StreamParams:
    """What a board is asked for."""

    fps: float
    size: str
    quality: int


BOARDS_OWN_SIZE = "board"
BOARDS_OWN_QUALITY = 0
_SIZE_UNSAID = "VGA"
_QUALITY_UNSAID = 80


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """The owner's settings for cameras; size and quality may be left to the board."""

    fps: float
    fps_max: float
    size: str
    size_max: str
    quality: int
    quality_max: int
    idle_every_s: float

    @property
    def idle_fps(self) -> float:
        return 1 / self.idle_every_s if self.idle_every_s else 0.0


def resolve_defaults(bounds: CameraSettings, declared: Mapping[str, Mapping[str, Any]]) -> CameraSettings:
    """Returns the bounds for one board: what was left to it is what it declared as the default of its `stream`."""
    size, quality = bounds.size, bounds.quality
    if size == BOARDS_OWN_SIZE:
        said = declared.get("size", {}).get("default")
        size = said if said in SIZES else _SIZE_UNSAID
    if quality == BOARDS_OWN_QUALITY:
        said = declared.get("quality", {}).get("default")
        quality = said if isinstance(said, int) and said > 0 else _QUALITY_UNSAID
    return replace(bounds, size=size, quality=quality)


def merge(wanted: Sequence[ViewerRequest], bounds: CameraSettings) -> StreamParams:
    """Returns what all requests together ask for; without any, the idle picture. The bounds are settled ones."""
    if not wanted:
        return StreamParams(
            bounds.idle_fps, _smaller(bounds.size, bounds.size_max), min(bounds.quality, bounds.quality_max)
        )
    fps = max(bounds.fps if request.fps is None else request.fps for request in wanted)
    size = max((request.size or bounds.size for request in wanted), key=lambda name: SIZES[name])
    quality = max(request.quality or bounds.quality for request in wanted)
    return StreamParams(min(fps, bounds.fps_max), _smaller(size, bounds.size_max), min(quality, bounds.quality_max))


def clamp_to(asked: StreamParams, declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the arguments for a board's `stream`: only those it declared, within what it declared."""
    args: dict[str, Any] = {}
    for name, value in (("fps", asked.fps), ("quality", asked.quality)):
        if name in declared:
            low, high = declared[name].get("min", value), declared[name].get("max", value)
            args[name] = min(max(value, low), high)
    if "size" in declared:
        size = _nearest(asked.size, declared["size"].get("choices"))
        if size is not None:
            args["size"] = size
    return args


def _nearest(size: str, choices: Iterable[Any] | None) -> str | None:
    """Returns the largest choice that is not above `size`, else the smallest there is."""
    if choices is None:
        return size
    known = sorted((name for name in choices if name in SIZES), key=lambda name: SIZES[name])
    fitting = [name for name in known if SIZES[name] <= SIZES[size]]
    return fitting[-1] if fitting else next(iter(known), None)


def _smaller(one: str, other: str) -> str:
    return min(one, other, key=lambda name: SIZES[name])
