"""The firmware's sources: where they lie, and which files belong to them."""

from __future__ import annotations

from pathlib import Path

import darvaz

_PACKAGE = Path(darvaz.__file__).resolve().parent
# Nothing else: a config.json with a Wi-Fi password and a token may lie beside them.
_SUFFIXES = (".py", ".mpy")
# Chooses the program, before main.py.
LOADER_START = "/boot.py"


def firmware_folder() -> Path:
    """Returns the folder of the sources: in the installed package, or in the repository."""
    packaged = _PACKAGE / "firmware"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "firmware"


def source_files(kind: str, folder: Path | None = None) -> dict[str, Path]:
    """Returns every file for a kind of board by its path on the board, the library first."""
    folder = folder or firmware_folder()
    start = folder / LOADER_START[1:]
    loader = {LOADER_START: start} if start.is_file() else {}
    return {**_files_below(folder / "lib", "/lib/"), **loader, **_files_below(folder / kind, "/")}


def read_sources(kind: str, folder: Path | None = None) -> dict[str, bytes]:
    """Returns the content of every file for a kind of board by its path there, the library first."""
    return {path: file.read_bytes() for path, file in source_files(kind, folder).items()}


def _files_below(folder: Path, prefix: str) -> dict[str, Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    return {prefix + path.relative_to(folder).as_posix(): path for path in found}
