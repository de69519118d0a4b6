"""What belongs on a board: the library and the programs of its kind, and the digest of each file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from darvaz.boards.compiled_library import MPY_VERSION, Deployed, compile_library
from darvaz.boards.firmware_source import read_sources

MAIN = "/main.py"
CONFIG = "/config.json"


def read_deployed(
    kind: str, mpy_version: int = MPY_VERSION, *, is_source: bool = False, program: Mapping[str, bytes] | None = None
) -> Deployed:
    """Returns every file for a kind of board, main.py last, the library as .mpy of this version or as source.

    The files of a maker's `program` take the place of ours.
    """
    files = {**read_sources(kind), **(program or {})}
    files[MAIN] = files.pop(MAIN)
    return Deployed(files, None) if is_source else compile_library(files, mpy_version)


def digest(data: bytes) -> str:
    """Returns the SHA-256 of a file as boards tell it, in hex."""
    return hashlib.sha256(data).hexdigest()
