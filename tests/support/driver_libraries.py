"""Published driver libraries for MicroPython, fetched once into the cache; none of them is a part of Darvaz.

`driver_libraries.txt` has their versions and hashes. micropython-lib itself is in no package index that pip reads.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.support.needs import missing

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = Path(__file__).with_suffix(".txt")
FETCH_DEADLINE_S = 240.0


@cache
def driver_libraries() -> Path:
    """Returns the folder that has them all, as a board's `/lib`."""
    name = hashlib.sha256(LIBRARIES.read_bytes()).hexdigest()[:16]
    folder = ROOT / ".cache" / "driver-libraries" / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            _install(Path(unfinished) / "done")
            # In one step: another process may be doing the same.
            try:
                os.replace(Path(unfinished) / "done", folder)
            except OSError:
                if not folder.is_dir():
                    raise
    return folder


def copy_library(name: str, flash: Path) -> None:
    """Puts a library on the flash of a board: a module, or a folder of modules."""
    source, target = driver_libraries() / name, flash / "lib" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _install(target: Path) -> None:
    words = ("install", "--no-deps", "--no-compile", "--require-hashes", "--only-binary=:all:")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", *words]
    done = subprocess.run(
        [*command, "--target", str(target), "--requirement", str(LIBRARIES)],
        capture_output=True,
        text=True,
        timeout=FETCH_DEADLINE_S,
    )
    if done.returncode != 0:
        missing(f"published driver libraries could not be fetched: {done.stderr.strip()}")
