"""Makes the names of a folder durable: a file that was made, renamed or removed stays so after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Writes the folder's own entry to the disk (fsync(2): "needed as well"); raises OSError.

    Windows has no such call and needs none.
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
