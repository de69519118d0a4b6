"""The requests of motion before cameras."""

from __future__ import annotations

from typing import TypedDict

from darvaz.client.requests import ApiRequest, path_of


class MotionInfo(TypedDict):
    """Motion before a camera: what is looked for, and what is seen now."""

    is_on: bool
    percent: float
    is_moving: bool
    changed_percent: float | None


class CameraMotionInfo(TypedDict):
    """What the answer of `GET /api/devices/{device}/camera` says of motion."""

    motion: MotionInfo


def motion(name: str) -> ApiRequest:
    return ApiRequest("GET", path_of("devices", name, "camera"), lambda answer: answer["motion"], CameraMotionInfo)


def set_motion(name: str, is_on: bool, percent: float) -> ApiRequest:
    """Has the gateway look for motion before a camera, or not; `percent` of the picture must change."""
    body = {"is_on": is_on, "percent": percent}
    return ApiRequest("PUT", path_of("devices", name, "camera", "motion"), shape=MotionInfo, body=body)
