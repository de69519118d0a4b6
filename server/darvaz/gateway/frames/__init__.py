"""Frames: the newest of each camera goes to each viewer that can take it. Knows neither devices nor HTTP."""

from darvaz.gateway.frames.camera import Camera
from darvaz.gateway.frames.cameras import Frames, TooManyViewersError
from darvaz.gateway.frames.demand import CameraSettings, PictureOffer, StreamParams, ViewerRequest
from darvaz.gateway.frames.frame import Frame
from darvaz.gateway.frames.viewer import FrameSender, Viewer

__all__ = [
    "Camera",
    "CameraSettings",
    "Frame",
    "FrameSender",
    "Frames",
    "PictureOffer",
    "StreamParams",
    "TooManyViewersError",
    "Viewer",
    "ViewerRequest",
]
