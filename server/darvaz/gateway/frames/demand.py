"""What the viewers of a camera ask for together: the highest of each value, within the limits of owner and board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Size = Literal[
    "QQVGA", "QCIF", "HQVGA", "QVGA", "CIF", "HVGA", "VGA", "SVGA", "XGA", "HD", "SXGA", "UXGA"
]  # fmt: skip

# The names of frame sizes (framesize_t of esp32-camera's sensor.h) and their pixels; other names cannot be compared.
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
    """What one viewer asks for; None is the owner's default, 0 frames a second a pause."""

    fps: float | None = None
    size: str | None = None
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class StreamParams:
    """What a board is asked to send."""

    fps: float
    size: str
    quality: int


BOARDS_OWN_SIZE = "board"
BOARDS_OWN_QUALITY = 0
_DEFAULT_SIZE = "VGA"
_DEFAULT_QUALITY = 80


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


def resolve_defaults(settings: CameraSettings, declared: Mapping[str, Mapping[str, Any]]) -> CameraSettings:
    """Returns the settings for one board: what they leave to it is the default that it declared for `stream`."""
    size, quality = settings.size, settings.quality
    if size == BOARDS_OWN_SIZE:
        default = declared.get("size", {}).get("default")
        size = default if default in SIZES else _DEFAULT_SIZE
    if quality == BOARDS_OWN_QUALITY:
        default = declared.get("quality", {}).get("default")
        quality = default if isinstance(default, int) and default > 0 else _DEFAULT_QUALITY
    return replace(settings, size=size, quality=quality)


def merge(requests: Sequence[ViewerRequest], settings: CameraSettings) -> StreamParams:
    """Returns what all requests ask for together, and without any the idle rate; the settings have their defaults."""
    if not requests:
        return StreamParams(
            settings.idle_fps, _smaller(settings.size, settings.size_max), min(settings.quality, settings.quality_max)
        )
    fps = max(settings.fps if request.fps is None else request.fps for request in requests)
    size = max((request.size or settings.size for request in requests), key=lambda name: SIZES[name])
    quality = max(request.quality or settings.quality for request in requests)
    return StreamParams(
        min(fps, settings.fps_max), _smaller(size, settings.size_max), min(quality, settings.quality_max)
    )


def clamp_to(params: StreamParams, declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the arguments for a board's `stream`: only those it declared, within what it declared."""
    args: dict[str, Any] = {}
    for name, value in (("fps", params.fps), ("quality", params.quality)):
        if name in declared:
            low, high = declared[name].get("min", value), declared[name].get("max", value)
            args[name] = min(max(value, low), high)
    if "size" in declared:
        size = _nearest(params.size, declared["size"].get("choices"))
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
