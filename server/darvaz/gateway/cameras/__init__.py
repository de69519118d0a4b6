"""The cameras room: brings hub and frames together, so that boards send what is looked at. No HTTP, no WebSocket."""

from darvaz.gateway.cameras.frame_counts import FrameCounts
from darvaz.gateway.cameras.snapshots import Snapshots
from darvaz.gateway.cameras.stream_control import StreamController

__all__ = ["FrameCounts", "Snapshots", "StreamController"]
