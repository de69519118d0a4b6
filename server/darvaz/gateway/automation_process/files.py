"""The files of a folder of automations, and whether any of them was saved."""

from __future__ import annotations

import hashlib
from pathlib import Path

FILES_MAX = 200


def files_of(folder: Path) -> list[Path]:
    """Returns the files of a folder that are loaded: Python, without tests and hidden ones."""
    found = sorted(path for path in folder.glob("*.py") if not path.name.startswith((".", "_", "test_", "conftest")))
    return found[:FILES_MAX]


def fingerprint(folder: Path) -> str:
    """Returns a text that is another one after any of the files was saved."""
    digest = hashlib.sha256()
    for path in files_of(folder):
        try:
            about = path.stat()
        except OSError:
            continue
        digest.update(f"{path.name} {about.st_mtime_ns} {about.st_size}\n".encode())
    return digest.hexdigest()
