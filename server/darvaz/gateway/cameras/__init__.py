"""Cameras: asks boards for the frames that viewers want, and keeps what they send. No HTTP, no WebSocket."""

from darvaz.gateway.cameras.frame_counts import FrameCounts
from darvaz.gateway.cameras.motion import Motion
from darvaz.gateway.cameras.snapshots import Snapshots
from darvaz.gateway.cameras.stream_control import StreamController

__all__ = ["FrameCounts", "Motion", "Snapshots", "StreamController"]
