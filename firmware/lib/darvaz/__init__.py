"""Darvaz on a board: `from darvaz import Device` is all that a maker's program needs."""

import gc

# Frequent collection keeps the heap in one piece: what compiling leaves behind would lie between all that stays.
if hasattr(gc, "threshold"):
    gc.threshold(4096)

VERSION = "0.1.0"

from .device import Device as Device  # noqa: E402 (it shows the version)
