"""A slow disk, for one process: each sync takes as long as a test says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.needs import missing

_SOURCE = Path(__file__).with_name("slow_syncs.c")
_COMPILE_DEADLINE_S = 60.0


def slow_syncs(work: Path, sync_ms: int) -> dict[str, str]:
    """Returns the environment of a process whose syncs take this long at least; skips without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        missing("slow disks are simulated with a library in C on Linux: install gcc")
    library = work / "slow_syncs.so"
    command = [compiler, "-O2", "-Wall", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(command, check=True, timeout=_COMPILE_DEADLINE_S)
    return {"LD_PRELOAD": str(library), "SLOW_SYNC_MS": str(sync_ms)}
