"""Builds libraries in C that stand before a process's own, to change how its disk behaves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.needs import missing

_COMPILE_DEADLINE_S = 60.0


def build_preload(work: Path, name: str, what: str) -> Path:
    """Returns the library of `name`.c beside this file, for LD_PRELOAD; skips where it cannot be: `what` needs it."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        missing(f"{what} are simulated with a library in C on Linux: install gcc")
    source, library = Path(__file__).with_name(f"{name}.c"), work / f"{name}.so"
    command = [compiler, "-O2", "-Wall", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, timeout=_COMPILE_DEADLINE_S)
    return library


def slow_syncs(work: Path, sync_ms: int) -> dict[str, str]:
    """Returns the environment of a process whose syncs take this long at least; skips without a compiler."""
    library = build_preload(work, "slow_syncs", "slow disks")
    return {"LD_PRELOAD": str(library), "SLOW_SYNC_MS": str(sync_ms)}
