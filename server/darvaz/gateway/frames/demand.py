"""What the viewers of a camera ask for together: the highest of each value, within the limits of owner and board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Size = Literal[
    "QQVGA", "QCIF", "HQVGA", "QVGA", "CIF", "HVGA", "VGA", "SVGA", "XGA", "HD", "SXGA", "UXGA"
]  # fmt: skip

# The names of frame sizes (framesize_t of esp32-camera's sensor.h), their width and height.
DIMENSIONS: dict[str, tuple[int, int]] = {
    "QQVGA": (160, 120),
    "QCIF": (176, 144),
    "HQVGA": (240, 176),
    "QVGA": (320, 240),
    "CIF": (400, 296),
    "HVGA": (480, 320),
    "VGA": (640, 480),
    "SVGA": (800, 600),
    "XGA": (1024, 768),
    "HD": (1280, 720),
    "SXGA": (1280, 1024),
    "UXGA": (1600, 1200),
}
# Their pixels; other names cannot be compared.
SIZES: dict[str, int] = {name: width * height for name, (width, height) in DIMENSIONS.items()}


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


@dataclass(frozen=True, slots=True)
class PictureOffer:
    """What a person may choose for one camera: what its board declared for `stream`, within the owner's settings."""

    sizes: tuple[str, ...]
    """The smallest first; empty for a camera of one size."""
    quality_min: int
    quality_max: int
    """0 for a camera of one quality."""
    fps_max: float

    def has_quality(self, quality: int) -> bool:
        return self.quality_min <= quality <= self.quality_max


def offer_of(settings: CameraSettings, declared: Mapping[str, Mapping[str, Any]]) -> PictureOffer:
    """Returns what may be chosen for a board that declared these arguments of `stream`."""
    size, quality, fps = declared.get("size"), declared.get("quality"), declared.get("fps", {})
    choices = () if size is None else size.get("choices") or SIZES
    fitting = [name for name in choices if name in SIZES and SIZES[name] <= SIZES[settings.size_max]]
    return PictureOffer(
        sizes=tuple(sorted(fitting, key=lambda name: SIZES[name])),
        quality_min=0 if quality is None else max(1, int(quality.get("min", 1))),
        quality_max=0 if quality is None else min(settings.quality_max, int(quality.get("max", 100))),
        fps_max=min(settings.fps_max, fps.get("max", settings.fps_max)),
    )


def resolve_defaults(
    settings: CameraSettings, declared: Mapping[str, Mapping[str, Any]], chosen: ViewerRequest | None = None
) -> CameraSettings:
    """Returns the settings for one board: what a person chose for it, else what it declared as default of `stream`."""
    size, quality = settings.size, settings.quality
    if size == BOARDS_OWN_SIZE:
        default = declared.get("size", {}).get("default")
        size = default if default in SIZES else _DEFAULT_SIZE
    if quality == BOARDS_OWN_QUALITY:
        default = declared.get("quality", {}).get("default")
        quality = default if isinstance(default, int) and default > 0 else _DEFAULT_QUALITY
    if chosen is None:
        return replace(settings, size=size, quality=quality)
    return replace(
        settings, fps=chosen.fps or settings.fps, size=chosen.size or size, quality=chosen.quality or quality
    )


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
