"""Cameras: asks boards for the frames that viewers want, and keeps what they send. No HTTP, no WebSocket."""

from darvaz.gateway.cameras.frame_counts import FrameCounts
from darvaz.gateway.cameras.motion import MOTION_TABLE, Motion
from darvaz.gateway.cameras.picture_settings import PICTURE_TABLE, PictureSettings
from darvaz.gateway.cameras.snapshots import Snapshots
from darvaz.gateway.cameras.stream_control import StreamController

CAMERA_TABLES = (MOTION_TABLE, PICTURE_TABLE)

__all__ = ["CAMERA_TABLES", "FrameCounts", "Motion", "PictureSettings", "Snapshots", "StreamController"]
