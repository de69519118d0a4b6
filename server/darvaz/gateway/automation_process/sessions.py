"""The processes of a session of the operating system: counted, and ended together, whatever they forked."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_PROC = Path("/proc")
# A fork may come between looking and ending.
_ROUNDS_MAX = 50


def members_of(session: int) -> list[int]:
    """Returns the processes of a session; on systems without /proc none."""
    found = []
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name of the program may contain blanks and brackets; what follows it does not (proc(5)).
            fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(folder.name))
    return found


def end_session(session: int) -> None:
    """Ends every process of a session."""
    with contextlib.suppress(OSError):
        os.killpg(session, signal.SIGKILL)
    for _ in range(_ROUNDS_MAX):
        left = members_of(session)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
