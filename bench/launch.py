"""Starts a program on one core; the program ends with its parent.

    python launch.py CORE PARENT PROGRAM [ARGUMENT ...]

CORE is `-` for any. The program replaces this one under the same process id, with the highest limit of open
files that the system allows. This is a script because the steps must happen in the new process, where running
Python after a fork is not safe.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(core: str, parent: str, *command: str) -> None:
    """Becomes the program."""
    if core != "-":
        os.sched_setaffinity(0, {int(core)})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit("the parent is gone already")
    raise_file_limit()
    os.execvp(command[0], command)


def raise_file_limit() -> int:
    """Lets this process have as many open files as it may, and returns how many that is."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems say "unlimited" and then refuse it.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
