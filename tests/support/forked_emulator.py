"""Starts emulated boards quickly: one process imports the emulator, and each board is a fork of it.

    PYTHON -I forked_emulator.py DESCRIPTOR MACHINE

PYTHON is that of the emulator's environment, and MACHINE the file with the program of one board. To import the emulator
is half of the processor time of a start.
"""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path


def main() -> None:
    # It is isolated from all but what it names.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.support.fork_server import run_forks

    spec = importlib.util.spec_from_file_location("machine", sys.argv[2])
    assert spec is not None and spec.loader is not None
    machine = sys.modules["machine"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(machine)
    run_forks(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
