"""What cameras send to viewers who ask for nothing else: chosen by a person for each camera, and kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from darvaz.gateway.frames import PictureOffer, ViewerRequest
from darvaz.gateway.frames.demand import Size
from darvaz.gateway.storage.kept_rows import Kept

PICTURE_TABLE = "camera_pictures"


class PictureSetting(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a camera sends to viewers who ask for nothing else; null is the default of the gateway or the board."""

    fps: Annotated[float, Meta(gt=0, le=60)] | None = None
    size: Size | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None


class PictureSettings:
    """The settings of all cameras; `on_change` is called with a camera and what was chosen for it."""

    def __init__(self, tables: sqlite3.Connection) -> None:
        self._kept = Kept(tables, PICTURE_TABLE, PictureSetting)
        self._settings = self._kept.load()
        self.on_change: Callable[[str, ViewerRequest], None] = lambda device, chosen: None

    def of(self, device: str) -> PictureSetting:
        """Returns the setting of a camera."""
        return self._settings.get(device, _NONE)

    def request_of(self, device: str) -> ViewerRequest:
        """Returns the setting of a camera as what a viewer may ask for."""
        setting = self.of(device)
        return ViewerRequest(setting.fps, setting.size, setting.quality)

    def put(self, device: str, setting: PictureSetting) -> None:
        """Changes the setting of a camera; one without a value is not kept."""
        if setting == _NONE:
            self.forget(device)
        else:
            self._settings[device] = setting
            self._kept.put({device: setting})
        self.on_change(device, self.request_of(device))

    def forget(self, device: str) -> None:
        """Forgets the setting of a camera."""
        if self._settings.pop(device, None) is not None:
            self._kept.remove([device])


def find_fault(setting: PictureSetting, offer: PictureOffer) -> str | None:
    """Returns what a camera or the gateway's settings do not allow, or None."""
    if setting.size is not None and setting.size not in offer.sizes:
        return f"the camera may send the sizes {', '.join(offer.sizes)}" if offer.sizes else "its size is fixed"
    if setting.quality is not None and not offer.has_quality(setting.quality):
        return f"the quality may be {offer.quality_min} to {offer.quality_max}" if offer.quality_max else (
            "its quality is fixed"
        )  # fmt: skip
    if setting.fps is not None and setting.fps > offer.fps_max:
        return f"it may be asked for {offer.fps_max:g} pictures a second at most"
    return None


_NONE = PictureSetting()
