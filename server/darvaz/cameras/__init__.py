"""The cameras room: brings hub and frames together, so that boards send what is looked at. No HTTP, no WebSocket."""

from darvaz.cameras.director import Director
from darvaz.cameras.snapshots import Snapshots
from darvaz.cameras.tally import Tally

__all__ = ["Director", "Snapshots", "Tally"]
