"""Makes a data folder private that was there before the gateway, as with `mkdir` or from a backup."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

_PRIVATE = 0o700
_OTHERS = 0o077


def make_private(folder: Path) -> str | None:
    """Lets only its owner into a folder; returns the sentence to tell, or None if it was private.

    A folder that is not for the gateway alone, or another user's, is left as it is: only the sentence says so.
    """
    if sys.platform == "win32":
        return None
    about = folder.stat()
    mode = stat.S_IMODE(about.st_mode)
    if not mode & _OTHERS:
        return None
    remark = f"others could look into {folder} (mode {mode:o})"
    if mode & stat.S_ISVTX or about.st_uid != os.geteuid() or _is_shared(folder.resolve()):
        return f"{remark}, and it is not the gateway's alone: use --data with a folder of its own"
    try:
        folder.chmod(_PRIVATE)
    except OSError as error:
        return f"{remark}, and that cannot be changed ({error.strerror}): chmod 700 it"
    return f"{remark}: it is now its owner's alone (700)"


def _is_shared(folder: Path) -> bool:
    """Whether a folder has another purpose: the root, a home, or the folder that the gateway was started in."""
    return folder in (Path("/"), Path(os.path.expanduser("~")).resolve(), Path.cwd())
