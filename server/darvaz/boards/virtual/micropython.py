"""Finds MicroPython's unix port: the wheel's, or a program `micropython` on the PATH where there is no wheel."""

from __future__ import annotations

import functools
import importlib.util
import platform
import shutil
import subprocess
import sys

from darvaz.text.extras import how_to_install

# What the firmware needs of a board.
OLDEST = (1, 24)
_PROBE = "import asyncio, socket, ssl, sys; print(sys.implementation.name, *sys.implementation.version[:2])"
_PROBE_DEADLINE_S = 10.0
# The board's terminal becomes its controlling terminal: the kernel then ends it when our process is gone.
_CONTROL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
# The wheel has only this entry point, and not an executable.
_RUN_WHEEL = _CONTROL + "import micropython_unix as m; sys.argv[0] = 'micropython'; sys.exit(m.main())"
_RUN_PROGRAM = _CONTROL + "os.execv(sys.argv[1], sys.argv[1:])"
_WHEELS = (("Linux", "x86_64"), ("Darwin", "arm64"))


class NoMicroPython(RuntimeError):
    """MicroPython's unix port is not installed, or too old; the text says what to do."""


def start_command() -> list[str]:
    """Returns the words that start MicroPython on the terminal at its standard input; raises `NoMicroPython`."""
    if importlib.util.find_spec("micropython_unix") is not None:
        return [sys.executable, "-c", _RUN_WHEEL]
    program = shutil.which("micropython")
    if program is None:
        raise NoMicroPython(_what_to_do())
    found = _version_of(program)
    if found is None or found < OLDEST:
        raise NoMicroPython(
            f"virtual boards need MicroPython {OLDEST[0]}.{OLDEST[1]} or newer, with ssl: {program} is not"
        )
    return [sys.executable, "-c", _RUN_PROGRAM, program]


def _what_to_do() -> str:
    machine = (platform.system(), platform.machine())
    if machine in _WHEELS:
        return f"virtual boards need MicroPython: {how_to_install('simulate')}"
    return (
        f"virtual boards need MicroPython, and there is no wheel of it for {' on '.join(machine)}: "
        "put its unix port on the PATH as `micropython`; docs/virtual-board.md says how"
    )


@functools.lru_cache(maxsize=4)
def _version_of(program: str) -> tuple[int, int] | None:
    try:
        words = subprocess.run(
            [program, "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_DEADLINE_S
        ).stdout.split()  # fmt: skip
        name, major, minor = words
        return (int(major), int(minor)) if name == "micropython" else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
