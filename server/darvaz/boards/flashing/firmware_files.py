"""What belongs on a board: the library and the programs of its kind, as the package or the repository has them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from darvaz.boards.virtual.firmware import firmware_folder

MAIN = "/main.py"
CONFIG = "/config.json"
LIBRARY = "/lib/darvaz/"
_SUFFIXES = (".py", ".mpy")


def read_sources(kind: str, folder: Path | None = None) -> dict[str, bytes]:
    """Returns every file for a kind of board by its path there, the library first and main.py last."""
    folder = folder or firmware_folder()
    library = _read_below(folder / "lib", "/lib/")
    programs = _read_below(folder / kind, "/")
    main = programs.pop(MAIN)
    return {**library, **programs, MAIN: main}


def digest(data: bytes) -> str:
    """Returns the SHA-256 of a file as boards tell it, in hex."""
    return hashlib.sha256(data).hexdigest()


def _read_below(folder: Path, prefix: str) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    return {prefix + path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
