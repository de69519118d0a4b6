"""Darvaz on a board: `from darvaz import Device` is all that a maker's program needs."""

import gc
import sys

# Frequent collection keeps the heap in one piece: what compiling leaves behind would lie between all that stays.
if hasattr(gc, "threshold"):
    gc.threshold(4096)

VERSION = "0.1.0"


# What a device consists of while it runs.
_KEPT = ("declared", "device", "link", "mask_viper", "outbox", "session", "supervisor", "websocket")


def unload(*names):
    """Unloads modules of the library that are needed for moments only: these, or all without names.

    What still uses one keeps it alive.
    """
    start = __name__ + "."
    for full in list(sys.modules):
        name = full[len(start) :]
        if full.startswith(start) and (name in names or (not names and name not in _KEPT)):
            del sys.modules[full]
            delattr(sys.modules[__name__], name)


from .device import Device as Device  # noqa: E402 (it shows the version)
