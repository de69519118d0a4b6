"""The requests of what cameras send to viewers who ask for nothing else."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from darvaz.client.requests import ApiRequest, path_of


class PictureRequestInfo(TypedDict):
    """What a camera may be asked for."""

    fps: float
    size: str | None
    quality: int | None


class FrameSizeInfo(TypedDict):
    """A size that a camera can send."""

    name: str
    width: int
    height: int


class PictureInfo(TypedDict):
    """What a camera sends: chosen, allowed, and whether it does so."""

    fps: float | None
    size: str | None
    quality: int | None
    usual: PictureRequestInfo
    sizes: list[FrameSizeInfo]
    quality_min: int
    quality_max: int
    fps_max: float
    state: Literal["offline", "own", "pending", "agreed", "refused"]
    reason: str


class CameraPictureInfo(TypedDict):
    """What the answer of `GET /api/devices/{device}/camera` says of the picture."""

    picture: PictureInfo


def picture(name: str) -> ApiRequest:
    return ApiRequest("GET", path_of("devices", name, "camera"), lambda answer: answer["picture"], CameraPictureInfo)


def choose_picture(name: str, **chosen: Any) -> ApiRequest:
    """Chooses `fps`, `size` and `quality` of a camera; what is None or not given is the default."""
    return ApiRequest("PUT", path_of("devices", name, "camera", "picture"), shape=PictureInfo, body=chosen)
