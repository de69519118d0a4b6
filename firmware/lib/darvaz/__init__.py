"""Darvaz on a board: `from darvaz import Device` is all that a maker's program needs."""

import gc
import sys

# Frequent collection keeps the heap in one piece: what compiling leaves behind would lie between all that stays.
if hasattr(gc, "threshold"):
    gc.threshold(4096)

VERSION = "0.1.0"


def unload(*names):
    """Unloads modules of the library that are needed for moments only; what still uses one keeps it alive."""
    for name in names:
        full = __name__ + "." + name
        if full in sys.modules:
            del sys.modules[full]
            delattr(sys.modules[__name__], name)


from .device import Device as Device  # noqa: E402 (it shows the version)
