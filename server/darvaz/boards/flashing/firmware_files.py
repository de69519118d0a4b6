"""What belongs on a board: the library and the programs of its kind, as bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from darvaz.boards.firmware_source import source_files

MAIN = "/main.py"
CONFIG = "/config.json"
LIBRARY = "/lib/darvaz/"


def read_sources(kind: str, folder: Path | None = None) -> dict[str, bytes]:
    """Returns every file for a kind of board by its path there, the library first and main.py last."""
    files = source_files(kind, folder)
    files[MAIN] = files.pop(MAIN)
    return {path: file.read_bytes() for path, file in files.items()}


def digest(data: bytes) -> str:
    """Returns the SHA-256 of a file as boards tell it, in hex."""
    return hashlib.sha256(data).hexdigest()
