"""The frames room: the newest image of each camera, its viewers, and what they want of it. No HTTP, no disk."""

from darvaz.frames.camera import Camera
from darvaz.frames.demand import Asked, Bounds, Wish
from darvaz.frames.frame import Frame
from darvaz.frames.frames import Frames, TooManyViewersError
from darvaz.frames.steering import Steering
from darvaz.frames.viewer import Outlet, Viewer

__all__ = [
    "Asked",
    "Bounds",
    "Camera",
    "Frame",
    "Frames",
    "Outlet",
    "Steering",
    "TooManyViewersError",
    "Viewer",
    "Wish",
]
