"""Compiles in a process of its own while the gateway runs as plain Python; the next start uses the result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from darvaz.compiled import BUILD_FOLDER, SWITCH
from darvaz.compiled.build import check_compiler, has_failed, is_building
from darvaz.compiled.tools import CannotCompileError

LOG = "compile.log"
_PLAIN = "The gateway runs as plain Python, at half the speed"


def start_in_background() -> str:
    """Starts the process if it can be of use; returns one line for the person who started the gateway."""
    log = BUILD_FOLDER.parent / LOG
    if os.environ.get(SWITCH):
        return f"{_PLAIN}: {SWITCH}={os.environ[SWITCH]}."
    if is_building():
        return f"{_PLAIN}; it is being compiled in the background for the next start."
    if has_failed():
        return f"{_PLAIN}: compiling failed ({log}). `make compile` tries again."
    try:
        check_compiler()
        BUILD_FOLDER.parent.mkdir(exist_ok=True)
        _start(log)
    except CannotCompileError as error:
        return f"{_PLAIN}: {error}."
    except OSError as error:
        return f"{_PLAIN}: {error.filename or log}: {error.strerror}."
    return f"{_PLAIN}, while it is compiled in the background for the next start. `make compile` does it now."


def _start(log: Path) -> None:
    with log.open("wb") as output:
        subprocess.Popen(
            [sys.executable, "-m", "darvaz.compiled", "--low-priority"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            # Ctrl-C at the gateway's terminal must not end it.
            start_new_session=True,
        )  # fmt: skip
